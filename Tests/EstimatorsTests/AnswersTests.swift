import Estimators
import Testing

@Suite("The same answers as scikit-learn's")
struct AnswersTests {
    @Test("All rows at once, and each row alone", arguments: Answers.all)
    func answers(expected: Answers) throws {
        let model = try Model(file: expected.bytes)
        let table = expected.table
        check(try model.predict(table, probabilities: true), of: model, expected, rows: 0..<table.rows)
        for row in 0..<table.rows {
            check(try model.predict(table.row(row), probabilities: true), of: model, expected, rows: row..<row + 1)
        }
    }

    private func check(_ answer: Model.Answer, of model: Model, _ expected: Answers, rows: Range<Int>) {
        switch (model.task, answer) {
        case (.classification(let classes, let hasProbabilities), .classification(let answer)):
            #expect(answer.classIndices.map { classes[$0].description } == expected.labels.map { Array($0[rows]) })
            #expect(hasProbabilities == (expected.probabilities != nil))
            if let numbers = expected.probabilities, let probabilities = answer.probabilities {
                check(probabilities, numbers, expected, rows: rows)
            } else {
                #expect(expected.probabilities == nil && answer.probabilities == nil)
            }
        case (.regression(let target), .regression(let answer)):
            #expect((target == .number) == expected.single)
            guard let numbers = expected.numbers else {
                Issue.record("scikit-learn classifies")
                return
            }
            check(answer, numbers, expected, rows: rows)
        default:
            Issue.record("the answer is of another kind than the model")
        }
    }

    private func check(_ found: Matrix, _ expected: [[Number]], _ answers: Answers, rows: Range<Int>) {
        #expect(found.rows == rows.count && found.columns == expected[0].count)
        for (place, row) in rows.enumerated() {
            let expected = expected[row].map(\.value)
            let magnitude = expected.reduce(0) { max($0, abs($1)) }
            for (column, number) in expected.enumerated() {
                let ours = found[place, column]
                if answers.tolerance == 0 {
                    #expect(ours == number, "row \(row), column \(column)")
                } else {
                    #expect(abs(ours - number) <= answers.tolerance * magnitude, "row \(row), column \(column)")
                }
            }
        }
    }
}

extension Table {
    /// A table of one row of this one.
    func row(_ row: Int) -> Table {
        switch content {
        case .matrix(let matrix):
            return Table(row: Array(matrix.row(row)))
        case .columns(let columns):
            return Table(
                columns: columns.map { column in
                    switch column.values {
                    case .numbers(let numbers): Column(name: column.name, values: .numbers([numbers[row]]))
                    case .texts(let texts): Column(name: column.name, values: .texts([texts[row]]))
                    }
                })
        }
    }
}
