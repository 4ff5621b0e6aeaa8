import Comparison
import TestSupport
import Testing

@Suite("Descriptors") struct DescriptorsTests {
    @Test("Methods are known by the paths of their calls")
    func methods() {
        for method in [Fixtures.cook, Fixtures.recall, Fixtures.modern, Fixtures.predict, Fixtures.infer] {
            #expect(Fixtures.descriptors.knows(method))
        }
        #expect(!Fixtures.descriptors.knows("/kitchen.Kitchen/Burn"))
        #expect(Fixtures.descriptors.methods.contains("/prediction.v1.PredictionService/PredictStream"))
    }

    @Test("The Open Inference Protocol is known without a file")
    func openInference() {
        #expect(Descriptors().knows(Fixtures.infer))
        #expect(Array(Descriptors().methods) == [Fixtures.infer])
    }

    @Test("Other bytes, and sets without a method, are refused")
    func refusals() {
        #expect(throws: DescriptorError.notADescriptorSet) { try Descriptors(fileDescriptorSet: [0x0A, 0x05, 1]) }
        #expect(throws: DescriptorError.notADescriptorSet) { try Descriptors(fileDescriptorSet: [0x08, 0x05]).self }
        #expect(throws: DescriptorError.noMethods) { try Descriptors(fileDescriptorSet: []) }
        let file = WireWriter.message { $0.message(1) { $0.text(2, "empty") } }
        #expect(throws: DescriptorError.noMethods) { try Descriptors(fileDescriptorSet: file) }
    }

    @Test("The number of definitions and the depth are bounded")
    func bounds() {
        let many = WireWriter.message { writer in
            writer.message(1) { file in
                for _ in 0...Descriptors.mostDefinitions { file.raw([0x22, 0]) }
            }
        }
        #expect(throws: DescriptorError.tooLarge) { try Descriptors(fileDescriptorSet: many) }
        let idle = WireWriter.message { writer in
            writer.message(1) { file in
                for _ in 0...Descriptors.mostDefinitions { file.raw([0x0A, 0]) }
            }
        }
        #expect(throws: DescriptorError.tooLarge) { try Descriptors(fileDescriptorSet: idle) }
        var nested: [UInt8] = []
        for _ in 0..<200 { nested = WireWriter.message { $0.bytes(3, nested) } }
        let deep = WireWriter.message { writer in writer.message(1) { $0.bytes(4, nested) } }
        #expect(throws: DescriptorError.tooLarge) { try Descriptors(fileDescriptorSet: deep) }
    }

    @Test("A type that isn't in the set leaves its fields without types")
    func missingType() throws {
        let set = WireWriter.message { writer in
            writer.message(1) { file in
                file.text(2, "p")
                file.text(12, "proto3")
                file.message(4) { message in
                    message.text(1, "M")
                    message.message(8) { $0.text(1, "choice") }
                    message.message(2) { field in
                        field.text(1, "part")
                        field.int(3, 1)
                        field.int(4, 1)
                        field.int(5, 11)
                        field.text(6, ".elsewhere.Part")
                        field.int(9, 500)
                    }
                }
                file.message(6) { service in
                    service.text(1, "S")
                    service.message(2) {
                        $0.text(1, "Get"); $0.text(3, ".p.M")
                    }
                    service.message(2) {
                        $0.text(1, "Lost"); $0.text(3, ".p.Lost")
                    }
                }
            }
        }
        let descriptors = try Descriptors(fileDescriptorSet: set)
        #expect(descriptors.knows("/p.S/Get") && !descriptors.knows("/p.S/Lost"))
        let outcome = Comparer(descriptors: descriptors).compare(
            WireWriter.message { $0.message(1) { $0.int(2, 1) } },
            WireWriter.message { $0.message(1) { $0.int(2, 5) } }, method: "/p.S/Get")
        #expect(outcome.only?.path == "part.2")
    }

    @Test("Damaged sets are read or refused, and can be compared by")
    func fuzzing() {
        var (read, refused) = (0, 0)
        for seed in 0..<3000 as Range<UInt64> {
            var random = SplitMix(seed: seed)
            var set = Fixtures.descriptorSet
            for _ in 0...Int.random(in: 0..<6, using: &random) { Damage.strike(&set, &random) }
            guard let descriptors = try? Descriptors(fileDescriptorSet: set) else {
                refused += 1
                continue
            }
            read += 1
            let pair = Fixtures.cases.randomElement(using: &random)!
            let comparer = Comparer(descriptors: descriptors)
            for method in descriptors.methods.sorted() {
                let outcome = comparer.compare(Fixtures.hex(pair.left), Fixtures.hex(pair.right), method: method)
                #expect(outcome.paths != nil)
            }
        }
        #expect(read > 100 && refused > 100, "\(read) \(refused)")
    }
}
