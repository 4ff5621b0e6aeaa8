import EventLoop
import Ground

/// What a worker has from the system, in one place: a simulation puts its own in its stead.
package struct Surroundings {
    package var time = TimeSource.system
    package var random = RandomSource.system
    /// Begins to connect to an upstream; how it went, the socket tells once it is writable.
    package var connect: (SocketAddress) throws(SystemError) -> Socket = { address throws(SystemError) in
        try Socket.connect(to: address)
    }

    package init() {}
}
