import Estimators
import Glibc
import Ground

/// Evaluates a model as the Predictor does, on one thread, as its standard input asks; see bench/harness/rows.py.
///
///     ModelBench MODEL ROWS FEATURES
@main
struct ModelBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let features = Int(arguments[3]), features > 0 else {
            print("usage: ModelBench MODEL ROWS FEATURES")
            exit(64)
        }
        let model = try Model(file: try RegularFile(path: arguments[1]).contents())
        let rows = Matrix(littleEndian: try RegularFile(path: arguments[2]).contents(), columns: features)
        var evaluation = Evaluation(model: model, rows: rows)
        say("ready")
        while let line = readLine() {
            let words = line.split(separator: " ")
            guard words.count == 2 else { exit(64) }
            switch words[0] {
            case "answers": say("{\"rows\": \(try evaluation.writeAnswers(to: String(words[1])))}")
            case "single":
                say(
                    try evaluation.timed(seconds: words[1]) { evaluation throws(FeatureError) in
                        try evaluation.nextRow()
                    })
            case "batch":
                say(
                    try evaluation.timed(seconds: words[1]) { evaluation throws(FeatureError) in
                        try evaluation.allRows()
                    })
            default: exit(64)
            }
        }
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
