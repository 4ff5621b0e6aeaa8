/// The beginning of a text, for a message; the text comes from a file and may be as long as that.
///
/// - Parameter limit: The largest number of Unicode scalars that are kept.
package func shortened(_ text: String, to limit: Int = 200) -> String {
    // A `Character` may consist of any number of Unicode scalars.
    let scalars = text.unicodeScalars
    let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return end == scalars.endIndex ? text : String(String.UnicodeScalarView(scalars[..<end])) + "…"
}

/// The first texts of a list, each shortened, and the number of the others.
package func shortened(_ texts: [String], to limit: Int = 32) -> [String] {
    let first = texts.prefix(limit).map { shortened($0) }
    return texts.count > limit ? first + ["and \(texts.count - limit) more"] : first
}
