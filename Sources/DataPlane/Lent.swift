/// A reference without reference counting, to an object that outlives all such references to it.
///
/// Counting is an atomic operation on memory that is often in no cache: on the path of a call it cost a fifth of the
/// time.
///
/// Invariants that make it sound, all within one thread:
/// - A worker keeps each of its connections until all calls have left it (`lost`), and each pool for its own lifetime.
/// - A worker keeps each of its calls until everything has been sent that was queued when both legs had closed
///   (`finishIfOver`), and connections have dropped their references by that time.
/// - A copier lives as long as its worker, and has ended every copy's legs before; without legs a copy doesn't touch it.
/// - A connection for copies keeps each of its legs until the stream is closed, and has told the leg by then (`closed`).
@safe
struct Lent<Object: AnyObject> {
    private let reference: Unmanaged<Object>

    init(_ object: Object) {
        unsafe reference = .passUnretained(object)
    }

    /// Lends the object to a function, without counting.
    @inline(__always)
    func use<Result>(_ body: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(body)
    }

    /// The address of the object, present or past, to be compared without touching the object.
    var address: UInt { unsafe UInt(bitPattern: reference.toOpaque()) }

    /// A counted reference, for code where the cost doesn't matter or the object might go meanwhile.
    var object: Object { unsafe reference.takeUnretainedValue() }
}

extension Array where Element == Lent<Call> {
    /// Takes a call off the list in constant time.
    ///
    /// - Parameter moved: is given the call that has its place now.
    mutating func remove(at index: Int, moved: (Call) -> Void) {
        let last = removeLast()
        if index < count {
            self[index] = last
            last.use(moved)
        }
    }
}
