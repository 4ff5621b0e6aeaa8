import FoundationEssentials
import Reflection
import SwiftProtobuf
import Testing

@Suite struct DescriptorIndexTests {
    private func file(
        _ name: String, package: String = "", imports: [String] = [],
        _ change: (inout Google_Protobuf_FileDescriptorProto) -> Void = { _ in }
    ) throws -> [UInt8] {
        var file = Google_Protobuf_FileDescriptorProto()
        file.name = name
        file.package = package
        file.dependency = imports
        change(&file)
        return try file.serializedBytes()
    }

    private func names(_ files: [Data]?) throws -> [String]? {
        try files?.map { try Google_Protobuf_FileDescriptorProto(serializedBytes: $0).name }
    }

    /// Everything that a file can declare.
    private func everything(_ file: inout Google_Protobuf_FileDescriptorProto) {
        file.messageType = [
            .with {
                $0.name = "Outer"
                $0.field = [.with { $0.name = "field" }]
                $0.oneofDecl = [.with { $0.name = "choice" }]
                $0.nestedType = [.with { $0.name = "Inner" }]
                $0.enumType = [
                    .with {
                        $0.name = "Nested"
                        $0.value = [.with { $0.name = "NESTED_VALUE" }]
                    }
                ]
                $0.extension = [
                    .with {
                        $0.name = "within"
                        $0.extendee = ".a.b.Outer"
                        $0.number = 300
                    }
                ]
            }
        ]
        file.enumType = [
            .with {
                $0.name = "Kind"
                $0.value = [.with { $0.name = "VALUE" }]
            }
        ]
        file.extension = [
            .with {
                $0.name = "outside"
                $0.extendee = ".a.b.Outer"
                $0.number = 100
            }
        ]
        file.service = [
            .with {
                $0.name = "Service"
                $0.method = [.with { $0.name = "Method" }]
            }
        ]
    }

    @Test(arguments: [
        "Outer", "Outer.field", "Outer.choice", "Outer.Inner", "Outer.Nested", "Outer.NESTED_VALUE", "Outer.within",
        "Kind", "VALUE", "outside", "Service", "Service.Method",
    ]) func findsWhatAFileDeclares(symbol: String) throws {
        let index = try DescriptorIndex([
            file("other", package: "a"), file("one", package: "a.b", everything), file("bare", everything),
        ])
        #expect(try names(index.files(declaring: "a.b.\(symbol)")) == ["one"])
        #expect(try names(index.files(declaring: symbol)) == ["bare"], "a file without a package")
        for wrong in [".a.b.\(symbol)", "a.\(symbol)", "a.b.\(symbol)x", "a.b.\(symbol).x"] {
            #expect(index.files(declaring: wrong) == nil, "\(wrong)")
        }
    }

    @Test func aPackageIsNoSymbol() throws {
        let index = try DescriptorIndex([file("one", package: "a.b", everything)])
        for name in ["", "a", "a.b", "a.b.Outer.VALUE", "a.b.Kind.VALUE"] {
            #expect(index.files(declaring: name) == nil, "\(name)")
        }
    }

    @Test func findsExtensions() throws {
        let more = try file("more", package: "c", imports: ["one"]) {
            $0.extension = [
                .with {
                    $0.name = "elsewhere"
                    $0.extendee = ".a.b.Outer"
                    $0.number = 200
                }
            ]
        }
        let index = try DescriptorIndex([file("one", package: "a.b", everything), more])
        #expect(index.extensionNumbers(of: "a.b.Outer") == [100, 200, 300])
        #expect(index.extensionNumbers(of: "a.b.Outer.Inner") == [])
        #expect(index.extensionNumbers(of: "a.b.Kind") == nil, "only messages have extensions")
        #expect(index.extensionNumbers(of: ".a.b.Outer") == nil)
        #expect(try names(index.files(extending: "a.b.Outer", number: 100)) == ["one"])
        #expect(try names(index.files(extending: "a.b.Outer", number: 200)) == ["more", "one"])
        #expect(try names(index.files(extending: "a.b.Outer", number: 300)) == ["one"])
        #expect(index.files(extending: "a.b.Outer", number: 101) == nil)
        #expect(index.files(extending: "a.b.Inner", number: 100) == nil)
    }

    @Test func aFileComesWithAllThatItNeedsAndEachOnce() throws {
        let index = try DescriptorIndex([
            file("bottom"), file("left", imports: ["bottom"]), file("right", imports: ["bottom"]),
            file("top", imports: ["left", "right", "bottom"]), file("alone"), file("bottom"),
        ])
        #expect(try names(index.files(named: "top")) == ["top", "left", "right", "bottom"])
        #expect(try names(index.files(named: "left")) == ["left", "bottom"])
        #expect(try names(index.files(named: "alone")) == ["alone"])
        #expect(index.files(named: "to") == nil && index.files(named: "") == nil)
    }

    @Test func filesThatImportEachOtherDontHoldItUp() throws {
        let index = try DescriptorIndex([file("a", imports: ["b"]), file("b", imports: ["a"])])
        #expect(try names(index.files(named: "b")) == ["b", "a"])
    }

    @Test func refusesWhatIsNotWhole() throws {
        #expect(throws: ReflectionService.Flaw.incomplete("top", needs: "lost")) {
            try DescriptorIndex([file("top", imports: ["lost"])])
        }
        #expect(throws: ReflectionService.Flaw.ambiguous("a")) {
            try DescriptorIndex([file("a"), file("a", package: "p")])
        }
        #expect(throws: ReflectionService.Flaw.unreadable(1)) { try DescriptorIndex([file("a"), [0xff]]) }
    }
}
