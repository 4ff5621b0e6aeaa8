/// The beginning of a text that comes from a file and may be as long as that, for a message.
///
/// - Parameter limit: Most characters of Unicode that are left of it.
package func shortened(_ text: String, to limit: Int = 200) -> String {
    // A character of the language may be put together of any number of Unicode's.
    let scalars = text.unicodeScalars
    let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return end == scalars.endIndex ? text : String(String.UnicodeScalarView(scalars[..<end])) + "…"
}

/// The first texts of a list, each shortened, and how many more there are.
package func shortened(_ texts: [String], to limit: Int = 32) -> [String] {
    let first = texts.prefix(limit).map { shortened($0) }
    return texts.count > limit ? first + ["and \(texts.count - limit) more"] : first
}
