import Connections
import EventLoop
import Ground
import Glibc
import Synchronization

/// Threads of low priority for work that would hold up a worker's other calls. Peers have their turns one after the other,
/// and what doesn't fit into the queue is refused.
///
/// `@unchecked Sendable`: the queue is guarded by `mutex`, as only a condition variable can wait for it.
@safe
package final class WorkPool: @unchecked Sendable {
    private var queue: WorkQueue<Peer, @Sendable () -> Void>
    private var isStopped = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// - Parameters:
    ///   - mostWaiting: pieces of work that may wait for a thread.
    ///   - mostBytes: bytes that these may hold.
    package init(threads: Int, mostWaiting: Int = 1024, mostBytes: Int) throws(SystemError) {
        queue = WorkQueue(capacity: mostWaiting, byteCapacity: mostBytes)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
        // Each thread keeps the pool.
        for index in 0..<threads {
            try LoopThread.start("pool-\(index)") {
                ThreadPriority.lower()
                self.run()
            }
        }
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Has work done on one of the threads. Any thread may call it.
    ///
    /// - Parameters:
    ///   - peer: whose work it is.
    ///   - bytes: memory that it holds until it is done.
    /// - Returns: whether it will be done.
    package func run(of peer: Peer, bytes: Int, _ work: @escaping @Sendable () -> Void) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        guard !isStopped, queue.append(work, of: peer, bytes: bytes) else { return false }
        unsafe pthread_cond_signal(condition)
        return true
    }

    /// Lets the threads end once they have done what they do now.
    package func stop() {
        unsafe pthread_mutex_lock(mutex)
        isStopped = true
        queue.removeAll()
        unsafe pthread_cond_broadcast(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    private func run() {
        while let work = next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let work = queue.next() { return work }
            if isStopped { return nil }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }
}
