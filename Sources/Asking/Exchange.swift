import TLS

/// What is said over one established connection: bytes in, bytes out, until it is over. It knows no sockets.
package protocol Exchange: AnyObject {
    /// The protocol that a TLS connection has to agree to.
    var applicationProtocol: ApplicationProtocol { get }

    /// Whether nothing more is to be said or heard.
    var isOver: Bool { get }

    /// Takes in what the upstream sent.
    func receive(_ bytes: UnsafeRawBufferPointer)

    /// The upstream has closed the connection.
    func end()

    /// There is no connection, or it is of no more use, or the time is up. What has been heard stays.
    func fail(_ reason: String)

    /// Writes what is to be sent next, and returns the number of bytes; zero if there is nothing.
    func write(into buffer: UnsafeMutableRawBufferPointer) -> Int
}
