import DurationSyntax

/// How a setting's values are written, and which are allowed.
package struct SettingForm<Value: Sendable>: Sendable {
    /// The error in a value.
    struct Flaw: Error {
        /// The part that is wrong; `nil` if it is the whole value.
        var culprit: String?
        /// What would be allowed.
        var allowed: String
    }

    let kind: SettingKind
    /// The placeholder for a value in `--help`.
    let placeholder: String
    /// The allowed values, in a few words.
    let values: String
    /// Parses what is given: one text or, for lists, one or more.
    let parse: @Sendable ([String]) throws(Flaw) -> Value
    /// The value as it would be written, so that `parse` returns the same value; `nil` for none.
    let text: @Sendable (Value) -> String?

    init(
        _ placeholder: String, kind: SettingKind, values: String,
        parse: @escaping @Sendable ([String]) throws(Flaw) -> Value, text: @escaping @Sendable (Value) -> String?
    ) {
        self.kind = kind
        self.placeholder = placeholder
        self.values = values
        self.parse = parse
        self.text = text
    }

    /// The form of a single value.
    ///
    /// - Parameters:
    ///   - allowed: the allowed values, as an error states them.
    ///   - values: the same in fewer words.
    ///   - parse: returns `nil` for a value that is not allowed.
    init(
        _ placeholder: String, kind: SettingKind = .value, allowed: String, values: String? = nil,
        text: @escaping @Sendable (Value) -> String?, parse: @escaping @Sendable (String) -> Value?
    ) {
        self.init(
            placeholder, kind: kind, values: values ?? allowed,
            parse: { given throws(Flaw) in
                guard given.count == 1, let value = parse(given[0]) else { throw Flaw(allowed: allowed) }
                return value
            }, text: text)
    }

    /// The form of a list, which is never empty unless it may be `none`.
    ///
    /// - Parameters:
    ///   - noun: what an element is, in the singular.
    ///   - allowed: the allowed values, as an error states them.
    ///   - mayBeNone: whether `none` stands for an empty list.
    ///   - isSet: whether each element may appear only once.
    ///   - parse: parses an element; returns `nil` for one that is not allowed, or throws a `Flaw` that says more.
    static func list<Element: Sendable & Equatable & CustomStringConvertible>(
        _ placeholder: String, kind: SettingKind = .list, of noun: String, allowed: String, mayBeNone: Bool = false,
        isSet: Bool = false, parse: @escaping @Sendable (String) throws(Flaw) -> Element?
    ) -> SettingForm<[Element]> where Value == [Element] {
        SettingForm(
            placeholder, kind: kind, values: allowed,
            parse: { given throws(Flaw) in
                var elements: [Element] = []
                var isNone = false
                for text in given {
                    if mayBeNone && text == "none" {
                        isNone = true
                    } else if let element = try parse(text) {
                        elements.append(element)
                    } else {
                        throw Flaw(allowed: given.count > 1 ? "\(allowed), which \"\(text)\" is not" : allowed)
                    }
                }
                if isNone && given.count > 1 {
                    throw Flaw(culprit: "none", allowed: "none alone, or other \(noun)s without it")
                }
                if isSet, let index = elements.indices.first(where: { elements[..<$0].contains(elements[$0]) }) {
                    throw Flaw(culprit: elements[index].description, allowed: "each \(noun) once")
                }
                return elements
            },
            text: { $0.isEmpty ? "none" : $0.map(\.description).joined(separator: ",") })
    }
}

extension SettingForm where Value == Int {
    /// A count.
    static func count(in range: ClosedRange<Int>) -> Self { number("N", in: range) }

    static func bytes(in range: ClosedRange<Int>) -> Self { number("BYTES", in: range) }

    private static func number(_ placeholder: String, in range: ClosedRange<Int>) -> Self {
        let values = "\(range.lowerBound) to \(range.upperBound)"
        return SettingForm(
            placeholder, allowed: "a whole number from \(values)", values: values, text: { "\($0)" },
            parse: { text in
                // `Int(_:)` also accepts a plus sign, which nobody would write on purpose.
                guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
                return Int(text).flatMap { range.contains($0) ? $0 : nil }
            })
    }
}

extension SettingForm where Value == Duration {
    static func duration(in range: ClosedRange<Duration>) -> Self {
        SettingForm(
            "DURATION", allowed: "a duration from \(range.inWords), such as 250ms, 30s or 5m", values: range.inWords,
            text: \.text, parse: { Duration(text: $0).flatMap { range.contains($0) ? $0 : nil } })
    }
}

extension SettingForm where Value == Duration? {
    /// A duration, or `off` for none.
    static func durationOrOff(in range: ClosedRange<Duration>) -> Self {
        SettingForm(
            "DURATION|off", allowed: "off, or a duration from \(range.inWords), such as 30s or 5m",
            values: "off, or \(range.inWords)", text: { $0?.text ?? "off" },
            parse: { text in
                if text == "off" { return .some(nil) }
                return Duration(text: text).flatMap { range.contains($0) ? .some($0) : nil }
            })
    }
}

extension SettingForm where Value == Bool {
    /// `on` or `off`, in the environment and the file; the flag takes no value.
    static var flag: Self {
        onOrOff("", .switch)
    }

    static var onOrOff: Self {
        onOrOff("on|off", .value)
    }

    private static func onOrOff(_ placeholder: String, _ kind: SettingKind) -> Self {
        SettingForm(
            placeholder, kind: kind, allowed: "on, off", text: { $0 ? "on" : "off" },
            parse: { ["on": true, "off": false][$0] })
    }
}

extension SettingForm where Value == String {
    /// A file's path.
    static var file: Self {
        SettingForm("FILE", allowed: "a file's path", text: { $0 }, parse: path)
    }

    /// The path; `nil` if the text can't be a file's path.
    static func path(_ text: String) -> String? {
        text.isEmpty || text.contains("\0") ? nil : text
    }
}

extension SettingForm where Value == String? {
    /// A file's path, or none.
    static var optionalFile: Self {
        optionalFile(allowed: "a file's path")
    }

    /// A PEM file's path, or none.
    static var pemFile: Self {
        optionalFile(allowed: "a PEM file's path")
    }

    /// A Unix socket's path, or none.
    static var socketPath: Self {
        // The system allows 107 bytes (unix(7)); the socket's first name is the path with four more (`HandoverSocket`).
        let longest = 103
        return SettingForm(
            "FILE", allowed: "a path of at most \(longest) bytes", text: { $0 },
            parse: { text in
                guard let path = SettingForm<String>.path(text), path.utf8.count <= longest else { return nil }
                return .some(path)
            })
    }

    private static func optionalFile(allowed: String) -> Self {
        SettingForm(
            "FILE", allowed: allowed, text: { $0 }, parse: { text in SettingForm<String>.path(text).map { .some($0) } })
    }
}

extension ClosedRange<Duration> {
    fileprivate var inWords: String { "\(lowerBound.text) to \(upperBound.text)" }
}
