import Comparison
import Testing

/// Raw tensors of the Open Inference Protocol, with its type from a set of descriptors and without one.
@Suite("Tensor comparison") struct TensorComparisonTests {
    private func response(_ tensors: [(datatype: String, bytes: [UInt8])]) -> [UInt8] {
        WireWriter.message { writer in
            writer.text(1, "iris")
            for tensor in tensors {
                writer.message(5) {
                    $0.text(1, "scores"); $0.text(2, tensor.datatype); $0.bytes(3, [1])
                }
            }
            for tensor in tensors { writer.bytes(6, tensor.bytes) }
        }
    }

    private func compare(_ datatype: String, _ left: [UInt8], _ right: [UInt8], typed: Bool = false) -> Outcome {
        Comparer.make(typed: typed).compare(
            response([(datatype, left)]), response([(datatype, right)]), method: Fixtures.infer)
    }

    @Test("Elements are numbers of the type that stands beside them", arguments: [false, true])
    func numbers(typed: Bool) throws {
        let one = Double(1).bitPattern.littleEndianBytes
        let near = Double(1 + 1e-8).bitPattern.littleEndianBytes
        let two = Double(2).bitPattern.littleEndianBytes
        #expect(compare("FP64", one + one, one + near, typed: typed) == .equal)
        let difference = try #require(compare("FP64", one + one, one + two, typed: typed).only)
        #expect(difference.path == "raw_output_contents[0][*]")
        #expect(difference.first.place == "raw_output_contents[0][1]")
        #expect(difference.pair == "1.0 | 2.0" && difference.spread.largest == 1)
    }

    @Test(
        "Each datatype is read as what it is",
        arguments: [
            ("BOOL", [1], [0], "true | false"), ("UINT8", [200], [1], "200 | 1"), ("INT8", [200], [1], "-56 | 1"),
            ("UINT16", [0, 200], [1, 0], "51200 | 1"), ("INT16", [0, 200], [1, 0], "-14336 | 1"),
            ("UINT32", [0, 0, 0, 200], [1, 0, 0, 0], "3355443200 | 1"),
            ("INT32", [0, 0, 0, 200], [1, 0, 0, 0], "-939524096 | 1"),
            (
                "UINT64", [255, 255, 255, 255, 255, 255, 255, 255], [1, 0, 0, 0, 0, 0, 0, 0], "18446744073709551615 | 1"
            ),
            ("INT64", [255, 255, 255, 255, 255, 255, 255, 255], [1, 0, 0, 0, 0, 0, 0, 0], "-1 | 1"),
            ("FP16", [0, 0x3C], [0, 0x40], "1.0 | 2.0"), ("BF16", [0x80, 0x3F], [0, 0x40], "1.0 | 2.0"),
            ("FP32", [0, 0, 0x80, 0x3F], [0, 0, 0, 0x40], "1.0 | 2.0"),
        ] as [(String, [UInt8], [UInt8], String)])
    func datatypes(name: String, left: [UInt8], right: [UInt8], pair: String) {
        #expect(compare(name, left, right).only?.pair == pair)
        #expect(compare(name, left, right).only?.path == "raw_output_contents[0][*]")
    }

    @Test("NaN equals NaN, whatever its bits")
    func notANumber() {
        #expect(compare("FP16", [0, 0x7E], [1, 0xFE]) == .equal)
        #expect(compare("FP32", [0, 0, 0xC0, 0x7F], [1, 0, 0xC0, 0xFF]) == .equal)
        #expect(compare("BF16", [0xC0, 0x7F], [0xC1, 0xFF]) == .equal)
    }

    @Test("Elements of BYTES have their lengths before them")
    func bytes() {
        let element: (String) -> [UInt8] = { UInt32($0.utf8.count).littleEndianBytes + Array($0.utf8) }
        let outcome = compare("BYTES", element("setosa") + element("x"), element("setosa") + element("yz"))
        #expect(outcome.only?.first.place == "raw_output_contents[0][1]" && outcome.only?.pair == "1 bytes | 2 bytes")
        #expect(compare("BYTES", element("a") + element("b"), element("a")).only?.pair == "2 in number | 1 in number")
        #expect(compare("BYTES", element("a"), [9, 0, 0, 0, 1]).only?.path == "raw_output_contents[0]", "cut off")
        #expect(compare("BYTES", element("a"), [1, 0]).only?.path == "raw_output_contents[0]", "cut off")
        #expect(compare("BYTES", element(""), element("a")).only?.pair == "0 bytes | 1 bytes")
    }

    @Test("A tensor that fits no type is compared as bytes, and so are two of different types")
    func unfit() {
        #expect(compare("FP64", [1, 2, 3], [1, 2, 4]).only?.pair == "3 bytes | 3 bytes")
        #expect(compare("FP128", [1, 2, 3], [1, 2, 4]).only?.path == "raw_output_contents[0]")
        let outcome = Comparer.make().compare(
            response([("FP32", [0, 0, 0, 0])]), response([("INT32", [1, 0, 0, 0])]), method: Fixtures.infer)
        #expect(outcome.paths == ["outputs[*].datatype", "raw_output_contents[0]"])
        let more = compare("INT8", [1, 2], [1, 2, 3])
        #expect(more.only?.pair == "2 in number | 3 in number" && more.only?.path == "raw_output_contents[0]")
    }

    @Test("Everything else in a response is known by name, too, with and without descriptors")
    func names() {
        let response: (Int64) -> [UInt8] = { value in
            WireWriter.message { writer in
                writer.text(1, "model-\(value)")
                writer.text(2, "version-\(value)")
                writer.text(3, "id-\(value)")
                writer.message(4) {
                    $0.text(1, "a"); $0.message(2) { $0.double(4, Double(value)) }
                }
                writer.message(5) { output in
                    output.text(1, "name-\(value)")
                    output.text(2, "FP\(value)")
                    output.bytes(3, [UInt8(value)])
                    output.message(4) {
                        $0.text(1, "b"); $0.message(2) { $0.int(2, value) }
                    }
                    output.message(5) { contents in
                        contents.float(6, Float(value))
                        contents.double(7, Double(value))
                        contents.bytes(8, [UInt8(value)])
                    }
                }
            }
        }
        let outcome = Comparer.make(typed: false).compare(response(1), response(2), method: Fixtures.infer)
        #expect(
            outcome.paths == [
                "id", "model_name", "model_version", "outputs[*].contents.bytes_contents[*]",
                "outputs[*].contents.fp32_contents[*]", "outputs[*].contents.fp64_contents[*]", "outputs[*].datatype",
                "outputs[*].name", "outputs[*].parameters[*].int64_param", "outputs[*].shape[*]",
                "parameters[*].double_param",
            ])
        #expect(outcome.differences?.areTyped == true)
    }

    @Test("Each output has statistics of its own, and may be ignored")
    func outputs() throws {
        let left = response([("INT8", [1]), ("FP32", [0, 0, 0x80, 0x3F])])
        let right = response([("INT8", [2]), ("FP32", [0, 0, 0, 0x40])])
        #expect(
            Comparer.make().compare(left, right, method: Fixtures.infer).paths
                == ["raw_output_contents[0][*]", "raw_output_contents[1][*]"])
        let pattern = try PathPattern("raw_output_contents[1]")
        let comparer = Comparer.make { $0.ignored = [pattern] }
        #expect(comparer.compare(left, right, method: Fixtures.infer).paths == ["raw_output_contents[0][*]"])
        let one = response([("INT8", [1])])
        #expect(
            Comparer.make().compare(left, one, method: Fixtures.infer).paths == ["outputs", "raw_output_contents"])
    }
}
