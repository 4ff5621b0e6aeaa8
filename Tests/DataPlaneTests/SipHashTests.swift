import DataPlane
import Testing

@Suite struct SipHashTests {
    /// The reference implementation's vectors: the key is 00 01 … 0f, the input 00 01 … as long as the row's number.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (2, 0x0d6c_8009_d9a9_4f5a),
            (3, 0x8567_6696_d7fb_7e2d), (7, 0xab02_00f5_8b01_d137), (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)]) func isTheReferences(count: Int, expected: UInt64)
    {
        let input = (0..<count).map { UInt8($0) }
        let hash = unsafe input.withUnsafeBufferPointer {
            unsafe SipHash.hash($0, 0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        }
        #expect(hash == expected)
    }
}
