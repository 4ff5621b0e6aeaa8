import CLinux
import Glibc
import Ground

/// A thread for an event loop or another blocking job.
package struct LoopThread {
    private final class Job {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a detached thread.
    ///
    /// - Parameters:
    ///   - name: the thread's name in tools like top and perf; at most 15 bytes count.
    ///   - body: runs on the new thread, which ends with it.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let job = unsafe Unmanaged.passRetained(Job(name: name, body: body))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                // The one reference left by passRetained, taken over by the one thread that was given it.
                let job = unsafe Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue()
                unsafe clinux_name_thread(job.name)
                job.body()
                return nil
            }, unsafe job.toOpaque())
        guard code == 0 else {
            unsafe job.release()
            throw SystemError(operation: "pthread_create", code: code)
        }
    }
}
