import Estimators
import Glibc

/// A model with the rows that it is asked.
struct Evaluation {
    private let model: Model
    /// All rows, and each alone: cutting a row out isn't the model's work.
    private let table: Table
    private let single: [Table]
    private var next = 0
    /// What answers are added to, so that no evaluation can be left out as unused.
    private(set) var checksum = 0

    init(model: Model, rows: Matrix) {
        self.model = model
        table = Table(rows)
        single = (0..<rows.rows).map { Table(row: Array(rows.row($0))) }
    }

    /// Evaluates a row, another one each time; returns how many that are.
    mutating func nextRow() throws(FeatureError) -> Int {
        try take(model.predict(single[next], probabilities: true))
        next = (next + 1) % single.count
        return 1
    }

    /// Evaluates all rows at once.
    mutating func allRows() throws(FeatureError) -> Int {
        try take(model.predict(table, probabilities: true))
        return table.rows
    }

    private mutating func take(_ answer: Model.Answer) {
        if case .classification(let classification) = answer { checksum &+= classification.classIndices[0] }
    }

    /// Evaluates for so many seconds, at least once; returns how many rows, and the processor time, as JSON.
    mutating func timed(
        seconds: Substring, _ evaluate: (inout Evaluation) throws(FeatureError) -> Int
    ) throws(FeatureError) -> String {
        let length = Double(seconds) ?? 0
        let deadline = Self.nanoseconds(CLOCK_MONOTONIC) + Int(length * 1e9)
        let before = Self.nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
        var rows = 0
        repeat {
            rows += try evaluate(&self)
        } while Self.nanoseconds(CLOCK_MONOTONIC) < deadline
        let used = Self.nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before
        return "{\"rows\": \(rows), \"ns\": \(used), \"checksum\": \(checksum)}"
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int {
        var time = timespec()
        // Both clocks exist on Linux, and `time` lives as long as the call.
        unsafe clock_gettime(clock, &time)
        return Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec)
    }

    /// Writes the probabilities of all rows' classes as little-endian doubles; returns how many rows these are.
    func writeAnswers(to path: String) throws(FeatureError) -> Int {
        guard case .classification(let answer) = try model.predict(table, probabilities: true),
            let probabilities = answer.probabilities
        else { return 0 }
        let bytes = probabilities.values.flatMap { value in
            (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
        }
        guard let file = unsafe fopen(path, "wb") else { return 0 }
        defer { unsafe fclose(file) }
        // The array's bytes, which live as long as the call.
        return unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count ? table.rows : 0
    }
}

extension Matrix {
    /// Doubles, row by row.
    init(littleEndian bytes: [UInt8], columns: Int) {
        let values = stride(from: 0, to: bytes.count - 7, by: 8).map { start in
            Double(bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * UInt64($1)) })
        }
        self.init(rows: values.count / columns, columns: columns, values: values)
    }
}
