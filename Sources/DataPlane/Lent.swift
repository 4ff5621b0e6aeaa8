/// A reference that nobody counts: to what outlives whoever names it this way.
///
/// Counting is an atomic operation on memory that is often in no cache: on the path of a call it cost a fifth of the time.
///
/// Invariants that make it sound, all of one thread:
/// - A worker keeps each of its connections until all calls have left it (`lost`), and each pool for its own lifetime.
/// - A worker keeps each of its calls until all is sent that was queued when both legs had closed (`finishIfOver`), and
///   connections have given theirs up by then.
@safe
struct Lent<Object: AnyObject> {
    private let reference: Unmanaged<Object>

    init(_ object: Object) {
        unsafe reference = .passUnretained(object)
    }

    /// Lends the object, without counting.
    @inline(__always)
    func use<Result>(_ body: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(body)
    }

    /// Where the object lies, or has lain: to compare, without touching it.
    var address: UInt { unsafe UInt(bitPattern: reference.toOpaque()) }

    /// A counted reference, where it doesn't matter or where the object might go meanwhile.
    var object: Object { unsafe reference.takeUnretainedValue() }
}
