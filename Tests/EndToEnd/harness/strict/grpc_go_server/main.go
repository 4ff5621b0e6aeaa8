// A gRPC server on grpc-go, as strict as that is: for Tests/EndToEnd/test_strict_peers.py.
//
// Methods that end in "/Echo" send each message back as it comes; those that end in "/Early" are answered before the
// request is read; all others once it is over. On standard output, a JSON object a line: "listening" with the port,
// "opened" and "closed" for each connection, and "error" with what grpc-go says of a connection.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"
)

var output sync.Mutex

func emit(event string, fields map[string]interface{}) {
	output.Lock()
	defer output.Unlock()
	fields["event"] = event
	json.NewEncoder(os.Stdout).Encode(fields)
}

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (bytesCodec) String() string { return "bytes" }

func answer(_ interface{}, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if strings.HasSuffix(method, "/Early") {
		return nil
	}
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if strings.HasSuffix(method, "/Echo") {
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}
}

type lines struct{}

func (lines) Write(text []byte) (int, error) {
	emit("error", map[string]interface{}{"reason": strings.TrimSpace(string(text))})
	return len(text), nil
}

func main() {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2WithVerbosity(io.Discard, lines{}, lines{}, 2))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	emit("listening", map[string]interface{}{"port": listener.Addr().(*net.TCPAddr).Port})
	go func() {
		// The end of standard input ends the process.
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := grpc.NewServer(grpc.UnknownServiceHandler(answer), grpc.CustomCodec(bytesCodec{}))
	log.Fatal(server.Serve(listener))
}
