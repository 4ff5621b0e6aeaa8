import Ground

/// Where a backend listens; or, in the settings, where the Proxy does.
package typealias Endpoint = HostPort
