import ModelFiles
import Pickle
import Testing

/// Files of skops, put together by hand: every kind of node, and what is wrong with them.
@Suite("Files of skops")
struct SkopsReaderTests {
    private typealias S = SkopsAssembler
    private static let model = PythonName(module: "test", name: "Model")

    /// The value of a node, with the files beside it. It is in a tuple, as nothing that isn't understood may be the root.
    private func value(
        _ node: String, files: [(name: String, content: [UInt8])] = []
    ) throws -> (document: PickledDocument, value: PickledValue) {
        let file = try ModelFile(
            SkopsAssembler(root: S.tuple([node]), files: files).bytes, allowing: [Self.model])
        #expect(file.format == .skops)
        let items = try #require(file.document.tuple(file.document.root))
        return (file.document, items[0])
    }

    private func summary(_ node: String, files: [(name: String, content: [UInt8])] = []) throws -> String {
        let (document, value) = try value(node, files: files)
        return document.summary(of: value)
    }

    private func failure(_ node: String, files: [(name: String, content: [UInt8])] = []) -> PickleError.Reason? {
        let error = #expect(throws: ModelFileError.self) { try value(node, files: files) }
        guard case .content(let error, of: .skops) = error else { return nil }
        return error.reason
    }

    // MARK: Python's values

    @Test(
        "Plain values",
        arguments: [
            ("null", .none), ("true", .boolean(true)), ("false", .boolean(false)), ("12", .integer(12)),
            ("-1.5", .float(-1.5)), ("1e-05", .float(1e-5)), ("Infinity", .float(.infinity)),
            ("-Infinity", .float(-.infinity)), ("\"l2\"", .string("l2")), ("\"gr\\u00f6\\\"\"", .string("grö\"")),
            ("9223372036854775807", .integer(.max)),
        ] as [(String, PickledValue)])
    func plain(json: String, expected: PickledValue) throws {
        #expect(try value(S.json(json)).value == expected)
    }

    @Test("Other values in JSON")
    func otherJSON() throws {
        guard case .float(let number) = try value(S.json("NaN")).value else {
            Issue.record("no number")
            return
        }
        #expect(number.isNaN)
        #expect(try summary(S.json("1180591620717411303424")) == "an integer of many digits")
        #expect(try summary(S.json("[1]")) == "a value in JSON")
        for text in ["", "tru", "\"a", "1 2", "\"\\ud800\""] {
            guard case .unexpected(_, "a value as JSON") = failure(S.json(text)) else {
                Issue.record("\(text)")
                continue
            }
        }
        #expect(failure(S.node("JsonNode")) == .unexpected(found: "no text", expected: "a value as JSON"))
    }

    @Test("Lists, tuples, sets and slices")
    func containers() throws {
        let content = "\"content\": [\(S.json("1")), \(S.json("2"))]"
        var (document, value) = try value(S.node("ListNode", content))
        #expect(document.list(value) == [.integer(1), .integer(2)])
        (document, value) = try self.value(S.node("TupleNode", content))
        #expect(document.tuple(value) == [.integer(1), .integer(2)])
        (document, value) = try self.value(S.node("SetNode", content))
        #expect(document.set(value) == [.integer(1), .integer(2)])
        let frozen = S.node(
            "ConstructorFromReduceNode", "\"content\": \(S.tuple([S.node("ListNode", content)]))", class: "frozenset")
        (document, value) = try self.value(frozen)
        #expect(document.set(value) == [.integer(1), .integer(2)])
        (document, value) = try self.value(
            S.node("SliceNode", "\"content\": {\"start\": 1, \"stop\": \"age\", \"step\": null}", class: "slice"))
        let slice = try #require(document.slice(value))
        #expect(slice.start == .integer(1) && slice.stop == .string("age") && slice.step == .none)
        for node in [
            S.node("ListNode"), S.node("ListNode", "\"content\": {}"), S.node("SliceNode", "\"content\": {}"),
            S.node("SliceNode", "\"content\": {\"start\": [], \"stop\": 1, \"step\": 1}"), "[]", "1", "{}", "null",
        ] { #expect(failure(node) != nil, "\(node)") }
    }

    @Test("Dictionaries have keys of the types that are beside them")
    func dictionary() throws {
        let types = ["int", "float", "bool", "NoneType", "str", "int64", "tuple"]
            .map { S.node("TypeNode", class: $0) }.joined(separator: ", ")
        let content = #""1": V, "2.5": V, "true": V, "null": V, "a": V, "7": V, "(1, 2)": V"#
            .replacing("V", with: S.json("0"))
        let node = S.node(
            "DictNode", "\"content\": {\(content)}, \"key_types\": \(S.node("ListNode", "\"content\": [\(types)]"))")
        let (document, value) = try value(node)
        #expect(
            document.dictionary(value)?.map(\.key)
                == [
                    .integer(1), .float(2.5), .boolean(true), .none, .string("a"), .integer(7), .string("(1, 2)"),
                ])
        let main = S.node("DefaultDictNode", "\"content\": {\"main\": \(S.dictionary([("a", S.json("1"))]))}")
        let (second, inner) = try self.value(main)
        #expect(second.dictionary(inner) == [PickledNode.Member(key: .string("a"), value: .integer(1))])
        #expect(
            failure(S.node("DictNode", "\"content\": {\"a\": \(S.json("1"))}, \"key_types\": {\"content\": []}"))
                == .unexpected(found: "0 types of keys", expected: "as many as the 1 members"))
        #expect(failure(S.node("DictNode", "\"content\": {}")) != nil)
        #expect(failure(S.node("DefaultDictNode", "\"content\": {}")) != nil)
    }

    @Test("Instances of allowed classes have their attributes; others are named, and not looked at")
    func instances() throws {
        let attributes = "\"content\": \(S.dictionary([("coef_", S.json("2.5"))]))"
        let (document, value) = try value(S.node("ObjectNode", attributes, class: "Model", module: "test"))
        guard case .node(let node) = value, case .instance(Self.model, let identifier?) = document[node] else {
            Issue.record("no instance")
            return
        }
        #expect(document.member("coef_", of: identifier) == .float(2.5))
        #expect(document.offset(of: node) > 0)
        #expect(
            try summary(S.node("ObjectNode", "\"content\": 5", class: "Item", module: "shop"))
                == "a value made by 'shop.Item'")
        #expect(try summary(S.node("ObjectNode", class: "Model", module: "test")) == "an instance of test.Model")
        #expect(
            failure(S.node("ObjectNode", "\"content\": \(S.tuple([S.json("1")]))", class: "Model", module: "test"))
                == .unexpected(found: "a tuple of 1 items", expected: "the attributes of test.Model"))
    }

    @Test("Instances that were made with arguments: trees and losses", arguments: ["TreeNode", "LossNode"])
    func reduced(loader: String) throws {
        let rest =
            "\"__reduce__\": {\"args\": \(S.tuple([S.json("3")]))}, \"content\": \(S.dictionary([("a", S.json("1"))]))"
        let (document, value) = try value(S.node(loader, rest, class: "Model", module: "test"))
        guard case .node(let node) = value, case .instance(Self.model, _?) = document[node] else {
            Issue.record("no instance")
            return
        }
        #expect(document.arguments(of: node) == [.integer(3)])
        #expect(try summary(S.node(loader, rest, class: "Tree", module: "shop")) == "a value made by 'shop.Tree'")
        #expect(failure(S.node(loader, class: "Model", module: "test")) != nil)
        #expect(
            failure(S.node(loader, "\"__reduce__\": {\"args\": \(S.json("3"))}", class: "Model", module: "test")) != nil
        )
    }

    @Test("Names, and what isn't understood")
    func opaque() throws {
        var (document, value) = try value(S.node("FunctionNode", class: "log1p", module: "numpy"))
        #expect(document.name(value)?.description == "numpy.log1p")
        (document, value) = try self.value(S.node("TypeNode", class: "Model", module: "test"))
        #expect(document.name(value) == Self.model)
        (document, value) = try self.value(
            S.node("FunctionNode", #""content": {"module_path": "numpy", "function": "exp"}"#))
        #expect(document.name(value)?.description == "numpy.exp")
        for (node, text) in [
            (S.node("PartialNode"), "a value made by 'functools.partial'"),
            (S.node("MethodNode"), "a value made by 'builtins.getattr'"),
            (
                S.node("RandomStateNode", class: "RandomState", module: "numpy.random"),
                "a value made by 'numpy.random.RandomState'"
            ),
            (S.node("ConstructorFromReduceNode", class: "date", module: "datetime"), "a value made by 'datetime.date'"),
            (S.node("OtherNode"), "a node of skops that is loaded by 'OtherNode'"),
        ] { #expect(try summary(node) == text) }
    }

    @Test("A name that only a malicious file has is refused, wherever it is")
    func alarming() {
        let name = PythonName(module: "os", name: "system")
        for loader in ["FunctionNode", "TypeNode", "ObjectNode", "OtherNode"] {
            #expect(failure(S.node(loader, class: "system", module: "os")) == .forbiddenGlobal(name))
        }
        #expect(
            failure(S.node("FunctionNode", #""content": {"module_path": "os", "function": "system"}"#))
                == .forbiddenGlobal(name))
    }

    @Test("A node that was cached is the one before it; what comes later, or around it, is none")
    func cached() throws {
        let list = S.node("ListNode", "\"content\": [], \"__id__\": 7")
        let cached = #"{"__class__": null, "__module__": null, "__loader__": "CachedNode", "__id__": 7}"#
        let (document, value) = try value(S.tuple([list, cached]))
        let items = try #require(document.tuple(value))
        #expect(items[0] == items[1])
        let unknown = PickleError.Reason.unexpected(found: "a node that was cached", expected: "one that came before")
        #expect(failure(cached) == unknown)
        #expect(failure(S.tuple([cached, list])) == unknown)
        #expect(failure(S.node("ListNode", "\"content\": [\(cached)], \"__id__\": 7")) == unknown)
    }

    // MARK: The file as a whole

    @Test("The root, and the protocol")
    func root() throws {
        func failure(_ assembler: SkopsAssembler) -> String? {
            #expect(throws: ModelFileError.self) { try ModelFile(assembler.bytes, allowing: []) }?.description
        }
        let root = S.json("1")
        for version in ["0", "1", "2"] {
            #expect(throws: Never.self) { try ModelFile(S(root: root, protocol: version).bytes, allowing: []) }
        }
        #expect(
            failure(S(root: root, protocol: "3"))?
                .hasSuffix(": found protocol 3 of skops where a protocol from 0 to 2 is expected") == true)
        for version in ["-1", "true", "\"2\"", "null", "1.0"] {
            #expect(failure(S(root: root, protocol: version)) != nil)
        }
        #expect(
            failure(S(schema: root))
                == "in schema.json, byte 0: found no protocol where a protocol from 0 to 2 is expected")
        for schema in ["", "[]", "1", "{}", "{\"protocol\": 2}", "{\"protocol\": 2}x"] {
            #expect(failure(S(schema: schema)) != nil)
        }
        #expect(
            failure(S(root: S.node("ObjectNode", class: "SVC", module: "sklearn.svm._classes")))
                == "in schema.json, byte 0: the file names 'sklearn.svm._classes.SVC', which is none of the classes that a "
                + "model may be made of; nothing was run")
    }
}
