import Estimators
import Testing

@Suite("The same features as scikit-learn's transformers make")
struct TransformerAnswersTests {
    @Test("All rows at once, and each row alone", arguments: Answers.transformers)
    func answers(expected: Answers) throws {
        let model = try TransformerModel(file: expected.bytes)
        let table = expected.table
        check(try model.transform(table), expected, rows: 0..<table.rows)
        for row in 0..<table.rows { check(try model.transform(table.row(row)), expected, rows: row..<row + 1) }
        #expect(throws: Never.self) { try model.transform(model.features.example) }
    }

    private func check(_ made: Table, _ expected: Answers, rows: Range<Int>) {
        let outputs = expected.outputs!
        #expect(made.width == outputs.count && made.rows == rows.count)
        guard made.width == outputs.count else { return }
        for (place, row) in rows.enumerated() {
            let magnitude = outputs.reduce(0) {
                max($0, ($1.numbers?[row].value.magnitude).flatMap { $0.isFinite ? $0 : 0 } ?? 0)
            }
            for (index, output) in outputs.enumerated() {
                if let numbers = output.numbers {
                    let (ours, theirs) = (made.number(place, index), numbers[row].value)
                    guard let ours else {
                        Issue.record("output \(index) is text")
                        return
                    }
                    let isEqual = ours == theirs || (ours.isNaN && theirs.isNaN)
                    #expect(
                        isEqual || abs(ours - theirs) <= expected.tolerance * magnitude,
                        "row \(row), output \(index): \(ours) instead of \(theirs)")
                } else {
                    #expect(made.text(place, index) == output.texts![row], "row \(row), output \(index)")
                }
            }
        }
    }
}

extension Table {
    /// A number in a row and column; nil for text.
    func number(_ row: Int, _ column: Int) -> Double? {
        switch content {
        case .matrix(let matrix): matrix[row, column]
        case .columns(let columns): if case .numbers(let numbers) = columns[column].values { numbers[row] } else { nil }
        }
    }

    /// A text in a row and column; nil for a number.
    func text(_ row: Int, _ column: Int) -> String? {
        guard case .columns(let columns) = content, case .texts(let texts) = columns[column].values else { return nil }
        return texts[row]
    }
}
