import EventLoop
import Ground

/// The services of the system that a worker uses, in one place so that a simulation can replace them.
package struct Surroundings {
    /// The clock that timers and limits go by.
    package var time = TimeSource.system
    /// The source of the worker's random numbers.
    package var random: any RandomNumberGenerator = BufferedRandom()
    /// Starts connecting to an upstream; the socket reports the outcome once it is writable.
    package var connect: (SocketAddress) throws(SystemError) -> Socket = { address throws(SystemError) in
        try Socket.connect(to: address)
    }

    package init() {}
}
