import Estimators
import Testing

@Suite("Models of mixed columns")
struct MixedColumnsTests {
    private static func model(_ name: String) throws -> (Model, Table) {
        let answers = Answers.family("composition").first { $0.file == name }!
        return (try Model(file: answers.bytes), answers.table)
    }

    private func columns(_ table: Table) -> [Column] {
        if case .columns(let columns) = table.content { columns } else { [] }
    }

    private func failure(_ model: Model, _ columns: [Column]) -> FeatureError? {
        #expect(throws: FeatureError.self) { try model.predict(Table(columns: columns), probabilities: true) }
    }

    @Test("Features are told with their names, kinds, and which of them may be left out")
    func features() throws {
        let features = try Self.model("people-1.9.1.pkl").0.features
        #expect(features.names == ["age", "income", "children", "city", "job", "member", "note"])
        #expect(features.texts == [3, 4])
        #expect(features.optional == [5, 6])
    }

    @Test("A column that is missing is named; one that nobody looks at may be missing")
    func missing() throws {
        let (model, table) = try Self.model("people-1.9.1.pkl")
        let all = columns(table)
        #expect(failure(model, all.filter { $0.name != "city" }) == .missingColumn("city"))
        let without = Table(columns: all.filter { $0.name != "note" && $0.name != "member" })
        #expect(try model.predict(without, probabilities: true) == model.predict(table, probabilities: true))
    }

    @Test("The order of named columns and others among them don't matter")
    func order() throws {
        let (model, table) = try Self.model("people-1.9.1.pkl")
        var all = columns(table).reversed().map { $0 }
        for index in 0..<40 {
            all.insert(Column(name: "other\(index)", values: .numbers(Array(repeating: 1, count: table.rows))), at: 3)
        }
        #expect(
            try model.predict(Table(columns: all), probabilities: true) == model.predict(table, probabilities: true))
    }

    @Test("Text for a number, and a number for text, are told with the feature's place and name")
    func kinds() throws {
        let (model, table) = try Self.model("people-1.9.1.pkl")
        var all = columns(table)
        all[1] = Column(name: "income", values: .texts(Array(repeating: "12", count: table.rows)))
        #expect(failure(model, all) == .row(0, .text(Feature(index: 1, name: "income"))))
        all = columns(table)
        all[4] = Column(name: "job", values: .numbers(Array(repeating: 1, count: table.rows)))
        #expect(failure(model, all) == .row(0, .number(Feature(index: 4, name: "job"))))
    }

    @Test("An unknown category is told with its row, place, name and value")
    func unknown() throws {
        let (model, table) = try Self.model("function-columns-1.9.1.pkl")
        var all = columns(table)
        guard case .texts(var cities) = all[3].values else { return }
        cities[2] = "Bonn"
        all[3] = Column(name: "city", values: .texts(cities))
        let error = failure(model, all)
        #expect(error == .row(2, .unknownCategory(Feature(index: 3, name: "city"), value: "'Bonn'")))
        #expect(
            error?.description
                == "row 2: feature 3 ('city') is 'Bonn', which is none of the categories that the model knows")
        cities[2] = nil
        all[3] = Column(name: "city", values: .texts(cities))
        #expect(failure(model, all) == .row(2, .missing(Feature(index: 3, name: "city"))))
    }

    @Test("A missing number that only a later step refuses is told with the caller's place and name")
    func missingNumber() throws {
        let (model, table) = try Self.model("function-columns-1.9.1.pkl")
        var all = columns(table)
        guard case .numbers(var incomes) = all[1].values else { return }
        incomes[5] = .nan
        all[1] = Column(name: "income", values: .numbers(incomes))
        guard case .row(5, .notFinite(Feature(index: 1, name: "income"), value: _))? = failure(model, all) else {
            Issue.record("\(String(describing: failure(model, all)))")
            return
        }
    }

    @Test("Every model answers its own example", arguments: Answers.all)
    func example(answers: Answers) throws {
        let model = try Model(file: answers.bytes)
        #expect(throws: Never.self) { try model.predict(model.features.example, probabilities: true) }
    }

    @Test("Text that only differs in how accents are composed is another category, as in Python")
    func composition() throws {
        let encoder = MadeValue.instance(
            "preprocessing._encoders.OneHotEncoder",
            [("categories_", .list([.labels(["caf\u{E9}", "cafe\u{301}"])])), ("handle_unknown", .string("ignore"))])
        let model = try TransformerModel(file: encoder.pickle)
        let table = Table(columns: [Column(name: nil, values: .texts(["cafe\u{301}", "caf\u{E9}", "cafe"]))])
        #expect(
            try model.transform(table) == Table(Matrix(rows: 3, columns: 2, values: [0, 1, 1, 0, 0, 0])))
    }

    @Test(
        "Before scikit-learn 1.0, columns were stored as they were chosen",
        arguments: [
            (MadeValue.labels(["c", "a"]), [2, 0]), (.list([.string("b")]), [1]), (.string("c"), [2]),
            (.list([.integer(-1), .integer(0)]), [2, 0]), (.integer(1), [1]),
            (.list([.boolean(true), .boolean(false), .boolean(true)]), [0, 2]),
            (.integers(shape: [2], [2, 1]), [2, 1]), (.tuple([.string("a"), .string("b")]), [0, 1]),
        ])
    func choice(columns: MadeValue, places: [Int]) throws {
        func transformer(_ columns: MadeValue) -> MadeValue {
            .instance(
                "compose._column_transformer.ColumnTransformer",
                [
                    ("transformers_", .list([.tuple([.string("x"), .string("passthrough"), columns])])),
                    ("_feature_names_in", .labels(["a", "b", "c"])), ("n_features_in_", .integer(3)),
                ])
        }
        let model = try TransformerModel(file: transformer(columns).pickle)
        #expect(
            try model.transform(Table(row: [0, 1, 2])) == Table(row: places.map(Double.init)))
        for wrong in [MadeValue.string("d"), .integer(3), .integer(-4), .list([.boolean(true)]), .number(1), .nothing] {
            #expect(throws: ModelError.self) { try TransformerModel(file: transformer(wrong).pickle) }
        }
    }
}
