/// Builds Prometheus' text exposition format, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private(set) var text = ""
    private var name = ""

    /// Begins a metric; the samples that follow belong to it.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ value: Int, _ labels: KeyValuePairs<String, String> = [:]) {
        line(name, Array(labels), "\(value)")
    }

    mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
        line(name, Array(labels), Self.number(value))
    }

    /// Writes a histogram's samples.
    ///
    /// - Parameters:
    ///   - bounds: the upper bound of each bucket except the last, which has none.
    ///   - counts: the number of values in each bucket alone, one more than there are bounds.
    mutating func histogram(
        _ labels: KeyValuePairs<String, String>, bounds: [Double], counts: [Int], sum: Double
    ) {
        precondition(counts.count == bounds.count + 1)
        var total = 0
        for (bound, count) in zip(bounds.map(Self.number) + ["+Inf"], counts) {
            total += count
            line(name + "_bucket", Array(labels) + [("le", bound)], "\(total)")
        }
        line(name + "_sum", Array(labels), Self.number(sum))
        line(name + "_count", Array(labels), "\(total)")
    }

    private mutating func line(_ name: String, _ labels: [(key: String, value: String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
                + "}"
        }
        text += " \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
