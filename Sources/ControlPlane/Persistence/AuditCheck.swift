/// Checks the chain of an audit log, line by line, over any number of files, the oldest first. Pure: bytes go in.
///
/// A line fits if it carries the hash of the line before it. That tells that something is wrong between the two; the
/// numbers of the lines, and whether the line after them fits, tell what.
package struct AuditCheck {
    /// Where a line is.
    package struct Place: Equatable, Sendable, CustomStringConvertible {
        package var file: String
        /// From 1.
        package var line: Int

        package init(file: String, line: Int) {
            self.file = file
            self.line = line
        }

        package var description: String { "\(file):\(line)" }
    }

    /// The first line that doesn't fit.
    package struct Flaw: Error, Equatable, Sendable {
        package var place: Place
        package var reason: String

        package init(place: Place, reason: String) {
            self.place = place
            self.reason = reason
        }
    }

    /// What is known of a line that has been read.
    private struct Known {
        var place: Place
        var hash: String
        /// `nil` for a line that isn't JSON.
        var link: AuditLink?
    }

    /// The lines so far, all of which fit.
    package struct Summary: Equatable, Sendable {
        /// Lines in all.
        package var lines = 0
        /// Lines from before there was a chain.
        package var unchained = 0
        /// Lines that a full disk, or a crash, cut short, and that the next line vouches for.
        package var cut: [Place] = []
        /// The number of the first line of the chain.
        package var first: UInt64?
        /// The time of the first and of the last line.
        package var from: String?
        package var until: String?
        /// The chain's end.
        package var head = AuditHead.none
    }

    package private(set) var summary = Summary()
    private var last: Known?
    /// A line that doesn't fit the one before it: the line after it tells which of the two was changed.
    private var suspect: (before: Known, line: Known)?
    /// The places of lines by their hash.
    private var seen: [String: Place] = [:]

    package init() {}

    /// Takes the next file.
    package mutating func take(_ bytes: some BidirectionalCollection<UInt8>, of file: String) throws(Flaw) {
        guard let end = bytes.last else { return }
        let newline = UInt8(ascii: "\n")
        var number = 0
        let lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
        for line in end == newline ? lines.dropLast() : lines[...] {
            number += 1
            try take(
                Known(
                    place: Place(file: file, line: number), hash: AuditHead.hash(line),
                    link: AuditLink.read(line)))
        }
        if end != newline, last?.link != nil, suspect == nil {
            // Only its last byte is missing: the Proxy will add it.
            summary.cut.append(Place(file: file, line: number))
        }
    }

    /// Ends the check.
    package mutating func finish() throws(Flaw) -> Summary {
        if let suspect { throw flaw(suspect.before, suspect.line, next: nil) }
        if let last, last.link == nil {
            throw Flaw(place: last.place, reason: "cut short, or not JSON, and no later line vouches for it")
        }
        return summary
    }

    private mutating func take(_ line: Known) throws(Flaw) {
        if let (before, suspicious) = suspect {
            throw flaw(before, suspicious, next: line)
        }
        defer { last = line }
        if let last {
            try check(line, after: last)
        } else if line.link?.previousSha256 == AuditHead.none.hash, let number = line.link?.line, number > 1 {
            throw Flaw(place: line.place, reason: "changed: its number is \(number), but it says that it is the first")
        }
        if suspect == nil { enter(line) }
    }

    private mutating func check(_ line: Known, after last: Known) throws(Flaw) {
        guard let link = line.link else {
            // The next line tells whether it was known to be cut short.
            return
        }
        guard let previous = link.previousSha256 else {
            if summary.first != nil {
                throw Flaw(
                    place: line.place,
                    reason: "it has no hash of the line before it, although earlier lines have one: not of this log")
            }
            if last.link == nil { throw Flaw(place: last.place, reason: "not JSON") }
            return
        }
        if previous == last.hash {
            if last.link == nil { summary.cut.append(last.place) }
        } else if last.link == nil {
            throw Flaw(place: last.place, reason: "not JSON, and not a line that the next one vouches for")
        } else {
            suspect = (last, line)
        }
    }

    private mutating func enter(_ line: Known) {
        summary.lines += 1
        seen[line.hash] = line.place
        summary.head.hash = line.hash
        guard let link = line.link else { return }
        if let time = link.time {
            if summary.from == nil { summary.from = time }
            summary.until = time
        }
        if link.previousSha256 == nil {
            summary.unchained += 1
        } else {
            if summary.first == nil { summary.first = link.line ?? 0 }
            if let number = link.line { summary.head.line = number }
        }
    }

    /// What is wrong with two lines of which the second doesn't carry the hash of the first.
    ///
    /// - Parameter next: the line after the two, if there is one.
    private func flaw(_ before: Known, _ line: Known, next: Known?) -> Flaw {
        let isIntact = next.map { $0.link?.previousSha256 == line.hash }
        let previous = line.link?.previousSha256 ?? ""
        let number = line.link?.line ?? 0
        let expected = summary.head.line + 1
        if number > expected, next?.link?.line == expected {
            return Flaw(
                place: line.place,
                reason: "out of its place: its number is \(number), and the line with number \(expected) comes after it"
            )
        }
        if number > expected {
            let count = number - expected
            return Flaw(
                place: line.place,
                reason: (count == 1 ? "a line is" : "\(count) lines are")
                    + " missing before it: its number is \(number), and the last one before it \(expected - 1)")
        }
        if number < expected, previous == AuditHead.none.hash {
            return Flaw(
                place: line.place,
                reason: "another chain begins here: the log was begun anew, or lines are missing")
        }
        if number < expected {
            let origin = seen[line.hash].map { "it is the same as \($0)" } ?? "its number is \(number)"
            return Flaw(
                place: line.place,
                reason: "out of its place: \(origin), and the line before it has number \(expected - 1)")
        }
        if isIntact == false {
            return Flaw(place: line.place, reason: "changed: it fits neither the line before it nor the one after it")
        }
        guard before.link?.previousSha256 != nil else {
            return Flaw(
                place: before.place,
                reason: "changed, or lines are missing after it: the chain that begins next doesn't fit it")
        }
        return Flaw(
            place: before.place,
            reason: "changed: the next line has the hash of another one"
                + (isIntact == nil ? ", or was changed itself, as no line vouches for it" : ""))
    }
}
