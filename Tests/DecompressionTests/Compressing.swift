import CBzip2
import CLzma
import CZlib
import Decompression

/// Compresses with the libraries that joblib's compressors use.
enum Compressing {
    static func compress(_ bytes: [UInt8], by compressor: Compressor) -> [UInt8] {
        switch compressor {
        case .gzip: deflate(bytes, bits: 31)
        case .zlib: deflate(bytes, bits: 15)
        case .bzip2: bzip2(bytes)
        case .xz: lzma(bytes, isAlone: false)
        case .lzma: lzma(bytes, isAlone: true)
        }
    }

    /// - Parameter bits: the window as deflateInit2 takes it: 15 for zlib's format, 31 for gzip's, -15 for neither.
    static func deflate(_ bytes: [UInt8], bits: Int32) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe zlib_shim_begin_deflating(&stream, bits) == Z_OK else { preconditionFailure("zlib") }
        defer { unsafe deflateEnd(&stream) }
        var (input, output) = (bytes, room(for: bytes))
        let left: UInt32 = unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                unsafe (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                guard unsafe CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END else { preconditionFailure("zlib") }
                return unsafe stream.avail_out
            }
        }
        return Array(output.dropLast(Int(left)))
    }

    static func bzip2(_ bytes: [UInt8]) -> [UInt8] {
        var input = bytes.map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: room(for: bytes).count)
        var length = UInt32(output.count)
        guard unsafe BZ2_bzBuffToBuffCompress(&output, &length, &input, UInt32(input.count), 9, 0, 0) == BZ_OK else {
            preconditionFailure("libbzip2")
        }
        return output.prefix(Int(length)).map { UInt8(bitPattern: $0) }
    }

    static func lzma(_ bytes: [UInt8], isAlone: Bool, preset: UInt32 = 3) -> [UInt8] {
        var stream = unsafe lzma_stream()
        var options = unsafe lzma_options_lzma()
        guard unsafe lzma_lzma_preset(&options, preset) == 0 else { preconditionFailure("liblzma") }
        let began =
            isAlone
            ? unsafe lzma_alone_encoder(&stream, &options)
            : unsafe lzma_easy_encoder(&stream, preset, LZMA_CHECK_CRC64)
        guard began == LZMA_OK else { preconditionFailure("liblzma") }
        defer { unsafe lzma_end(&stream) }
        var output = room(for: bytes)
        let left = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe (stream.next_in, stream.avail_in) = (input.baseAddress, input.count)
                unsafe (stream.next_out, stream.avail_out) = (output.baseAddress, output.count)
                guard unsafe lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END else { preconditionFailure("liblzma") }
                return unsafe stream.avail_out
            }
        }
        return Array(output.dropLast(left))
    }

    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        UInt32(truncatingIfNeeded: unsafe bytes.withUnsafeBufferPointer { unsafe crc32_z(0, $0.baseAddress, $0.count) })
    }

    private static func room(for bytes: [UInt8]) -> [UInt8] {
        [UInt8](repeating: 0, count: bytes.count + bytes.count / 50 + 1_000)
    }
}
