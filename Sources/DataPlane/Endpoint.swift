import Ground

/// Where an upstream listens; or, in the settings, where the Proxy does.
package typealias Endpoint = HostPort
