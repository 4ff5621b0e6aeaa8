import CNghttp2

/// libnghttp2's decoder, as the judge of an encoder's output.
///
/// Soundness: `inflater` is valid from `init` until `deinit`.
@safe
final class Inflater {
    struct Failure: Error {
        let code: Int
    }

    private let inflater: OpaquePointer

    init() {
        var pointer: OpaquePointer?
        unsafe precondition(nghttp2_hd_inflate_new(&pointer) == 0)
        unsafe inflater = pointer!
    }

    deinit { unsafe nghttp2_hd_inflate_del(inflater) }

    /// Sets the table size that this side announces.
    func resize(to size: Int) {
        unsafe precondition(nghttp2_hd_inflate_change_table_size(inflater, size) == 0)
    }

    /// Decodes a whole header block.
    func inflate(_ block: [UInt8]) throws -> [TestField] {
        var fields: [TestField] = []
        var offset = 0
        try unsafe block.withUnsafeBufferPointer { block in
            while true {
                var pair = unsafe nghttp2_nv()
                var flags: Int32 = 0
                let count = unsafe nghttp2_hd_inflate_hd2(
                    inflater, &pair, &flags, block.baseAddress.map { unsafe $0 + offset }, block.count - offset, 1)
                if count < 0 { throw Failure(code: Int(count)) }
                offset += count
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                    unsafe fields.append(
                        TestField(
                            Array(UnsafeBufferPointer(start: pair.name, count: pair.namelen)),
                            Array(UnsafeBufferPointer(start: pair.value, count: pair.valuelen)),
                            isSensitive: pair.flags & UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) != 0))
                }
                if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
            }
        }
        unsafe nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }

    var tableSize: Int { unsafe nghttp2_hd_inflate_get_dynamic_table_size(inflater) }
}
