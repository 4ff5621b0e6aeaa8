import Glibc

/// The system's random numbers, taken in portions: asking for each one is a system call, which costs as much as an eighth
/// of a call's way through the Proxy. As unforeseeable as they are. Confined to one thread.
package struct BufferedRandom: RandomNumberGenerator {
    private var numbers: [UInt64] = []
    private var system = SystemRandomNumberGenerator()

    /// Numbers taken at a time: 256 bytes are the most that getentropy(3) gives.
    private static let portion = 32

    package init() {}

    package mutating func next() -> UInt64 {
        if let number = numbers.popLast() { return number }
        var portion = [UInt64](repeating: 0, count: Self.portion)
        let isFilled = unsafe portion.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress!, $0.count) == 0 }
        // A kernel without it: one by one, then.
        guard isFilled else { return system.next() }
        numbers = portion
        return numbers.removeLast()
    }
}
