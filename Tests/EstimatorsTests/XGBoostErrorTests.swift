import Estimators
import Testing

@Suite("Models of XGBoost that can't be used")
struct XGBoostErrorTests {
    private func flaw(_ bytes: [UInt8]) -> String? {
        do {
            _ = try Model(file: bytes)
            return nil
        } catch {
            guard case .unusable(let part, let found, let expected, let offset) = error else { return "\(error)" }
            #expect((0..<bytes.count).contains(offset))
            return "\(part): \(found), not \(expected)"
        }
    }

    private func model(_ file: String, replacing old: String, with new: String) throws -> [UInt8] {
        precondition(old.utf8.count == new.utf8.count)
        var bytes = try #require(Answers.all.first { $0.family == "xgboost" && $0.file == file }).bytes
        let places = bytes.indices.filter { bytes[$0...].starts(with: old.utf8) }
        #expect(!places.isEmpty)
        for place in places { bytes.replaceSubrange(place..<place + old.utf8.count, with: new.utf8) }
        return bytes
    }

    /// An `XGBRegressor` whose booster has this content.
    private func regressor(_ content: [UInt8]) -> [UInt8] {
        ModelPickle.bytes { pickle in
            pickle.instance(
                "xgboost.sklearn", "XGBRegressor",
                [
                    (
                        "_Booster",
                        { $0.instance("xgboost.core", "Booster", [("handle", { $0.bytes(content) })]) }
                    )
                ])
        }
    }

    private func flaw(ofModel content: [UInt8]) -> String? { flaw(regressor(content)) }

    /// The key `a` of an object, with the value that follows.
    private static let key: [UInt8] = Array("{L".utf8) + [0, 0, 0, 0, 0, 0, 0, 1] + Array("a".utf8)

    @Test("What isn't served is refused by name")
    func options() throws {
        #expect(
            flaw(try model("two-1.9.1.pkl", replacing: "binary:logistic", with: "binary:magistic"))
                == "XGBClassifier._Booster: the objective 'binary:magistic', not binary:logistic, multi:softprob, "
                + "reg:squarederror or another of XGBoost's objectives by name")
        #expect(
            flaw(try model("numbers-1.6.1.pkl", replacing: "gbtree", with: "gbmoss"))
                == "XGBRegressor._Booster: the booster 'gbmoss', not 'gbtree' or 'dart'")
        #expect(
            flaw(try model("two-1.2.2.pkl", replacing: "base_score", with: "base_scare"))
                == "XGBClassifier._Booster: a model of another format, not what XGBoost 1.6 or later writes")
        #expect(
            flaw(try model("three-1.9.1.pkl", replacing: "default_left", with: "default_lift"))
                == "XGBClassifier._Booster: tree 0 without all its properties, not a tree's nodes")
        #expect(
            flaw(try model("categories-1.9.1.pkl", replacing: "categories_sizes", with: "categories_sixes"))?.hasSuffix(
                "with categories that don't fit its nodes, not a set for each node") == true)
    }

    @Test("A model in the format of earlier versions, or in none")
    func formats() {
        let other = "XGBRegressor._Booster: a model of another format, not what XGBoost 1.6 or later writes"
        for content in [[], Array("{".utf8), Array("{\"learner\":{}}".utf8), Array("binf".utf8)] {
            #expect(flaw(ofModel: content) == other)
        }
        // Whole, but not a model.
        #expect(flaw(ofModel: Self.key + Array("Z}".utf8)) == other)
    }

    @Test("Content that would take much memory, or has no end")
    func hostile() {
        func inner(_ value: String, _ rest: [UInt8] = []) -> String? {
            flaw(ofModel: Self.key + Array(value.utf8) + rest)?
                .replacing("XGBRegressor._Booster: ", "").replacing(" of the model, not a model of XGBoost", "")
        }
        let huge: [UInt8] = [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        #expect(inner("SL", huge) == "a length beyond the end of the data at byte 21")
        #expect(inner("[$d#L", huge) == "a length beyond the end of the data at byte 24")
        #expect(inner("[$Z#L", huge) == "an array of an unknown type at byte 24")
        #expect(inner("[#L", huge) == "the end of the data within a value at byte 22")
        #expect(inner("[$d#l", [0xFF, 0xFF, 0xFF, 0xFF]) == "no length at byte 20")
        #expect(inner(String(repeating: "[", count: 1_000)) == "values too deep inside one another at byte 43")
        #expect(
            inner("[" + String(repeating: "Z", count: 300_000))?.hasPrefix("more values than any model has") == true)
        #expect(inner("?") == "an unknown mark at byte 12")
        #expect(inner("Z") == "the end of the data within an object at byte 12")
        #expect(inner("Z}}") == "bytes behind the end at byte 13")
        #expect(inner("SU", [2, 0xFF, 0xFE]) == "text that is not UTF-8 at byte 16")
    }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
