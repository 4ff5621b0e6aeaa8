// A gRPC-like server on golang.org/x/net/http2, as strict as that is: for Tests/EndToEnd/test_strict_peers.py.
//
// Paths that end in "/Echo" send the request's bytes back as they come; those that end in "/Early" are answered before
// the request is read; all others once it is over. On standard output, a JSON object a line: "listening" with the port,
// "opened" and "closed" for each connection, and "error" with the package's own word for what it closed one for.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"golang.org/x/net/http2"
)

var output sync.Mutex

func emit(event string, fields map[string]interface{}) {
	output.Lock()
	defer output.Unlock()
	fields["event"] = event
	json.NewEncoder(os.Stdout).Encode(fields)
}

func answer(writer http.ResponseWriter, request *http.Request) {
	writer.Header().Set("Content-Type", "application/grpc")
	writer.Header().Set("Trailer", "Grpc-Status")
	switch {
	case strings.HasSuffix(request.URL.Path, "/Echo"):
		writer.WriteHeader(200)
		writer.(http.Flusher).Flush()
		buffer := make([]byte, 65536)
		for {
			count, err := request.Body.Read(buffer)
			writer.Write(buffer[:count])
			writer.(http.Flusher).Flush()
			if err != nil {
				break
			}
		}
	case strings.HasSuffix(request.URL.Path, "/Early"):
		writer.WriteHeader(200)
	default:
		io.Copy(io.Discard, request.Body)
		writer.WriteHeader(200)
	}
	writer.Header().Set("Grpc-Status", "0")
}

type lines struct{}

func (lines) Write(text []byte) (int, error) {
	emit("error", map[string]interface{}{"reason": strings.TrimSpace(string(text))})
	return len(text), nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	base := &http.Server{Handler: http.HandlerFunc(answer), ErrorLog: log.New(lines{}, "", 0)}
	server := &http2.Server{CountError: func(kind string) {
		emit("error", map[string]interface{}{"reason": kind})
	}}
	emit("listening", map[string]interface{}{"port": listener.Addr().(*net.TCPAddr).Port})
	go func() {
		// The end of standard input ends the process.
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			peer := connection.RemoteAddr().String()
			emit("opened", map[string]interface{}{"peer": peer})
			server.ServeConn(connection, &http2.ServeConnOpts{BaseConfig: base})
			emit("closed", map[string]interface{}{"peer": peer})
		}()
	}
}
