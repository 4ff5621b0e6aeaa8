// A client on grpc-go, as strict as that is, for Tests/EndToEnd/test_strict_peers.py:
// `grpc_go_client HOST:PORT CALL ECHO`, the methods of a call and of the witness. All goes over one connection: the
// next one is refused.
//
// Lines on standard input: "call" makes one call, "exchange" sends a message on the witness and waits for it to come
// back. Each is answered by a JSON object on a line: "line" as it was, "outcome" of the call, or "error" of the
// witness.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

const patience = 100 * time.Millisecond

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(value interface{}) ([]byte, error) { return *value.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, value interface{}) error {
	*value.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func (bytesCodec) Name() string { return "bytes" }

func main() {
	address, callPath, echoPath := os.Args[1], os.Args[2], os.Args[3]
	connections := 0
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})),
		grpc.WithContextDialer(func(_ context.Context, address string) (net.Conn, error) {
			if connections++; connections > 1 {
				return nil, errors.New("the connection has ended")
			}
			return net.Dial("tcp", address)
		}))
	if err != nil {
		panic(err)
	}
	var witness grpc.ClientStream
	exchange := func() (err error) {
		if witness == nil {
			description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
			if witness, err = connection.NewStream(context.Background(), description, echoPath); err != nil {
				return err
			}
		}
		sent, received := []byte("witness"), []byte(nil)
		if err := witness.SendMsg(&sent); err != nil {
			return err
		}
		if err := witness.RecvMsg(&received); err != nil {
			return err
		}
		if !bytes.Equal(received, sent) {
			return fmt.Errorf("%q came back", received)
		}
		return nil
	}
	answers := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer := map[string]string{"line": lines.Text()}
		switch lines.Text() {
		case "call":
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			sent, received := []byte("x"), []byte(nil)
			err := connection.Invoke(ctx, callPath, &sent, &received)
			answer["outcome"] = "status " + status.Code(err).String()
			cancel()
		case "exchange":
			if err := exchange(); err != nil {
				answer["error"] = err.Error()
			}
		}
		answers.Encode(answer)
	}
}
