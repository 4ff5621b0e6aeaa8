// A client on the transport of golang.org/x/net/http2, as strict as that is, for Tests/EndToEnd/test_strict_peers.py:
// `go_client HOST:PORT CALL ECHO`, the paths of a call and of the witness. All goes over one connection: the next one
// is refused.
//
// Lines on standard input: "call" makes one call, "exchange" sends a message on the witness and waits for it to come
// back. Each is answered by a JSON object on a line: "line" as it was, "outcome" of the call, or "error" of the
// witness.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/net/http2"
)

const patience = 100 * time.Millisecond

// errElsewhere is the end of calls for which the transport wants another connection: it uses none any more on which one
// stream has ended by PROTOCOL_ERROR.
var errElsewhere = errors.New("no second connection")

var message = []byte("\x00\x00\x00\x00\x07witness")

func request(ctx context.Context, url string, body io.Reader) *http.Request {
	made, err := http.NewRequestWithContext(ctx, "POST", url, body)
	if err != nil {
		panic(err)
	}
	made.Header.Set("Content-Type", "application/grpc")
	made.Header.Set("Te", "trailers")
	return made
}

func call(transport *http2.Transport, url string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := transport.RoundTrip(request(ctx, url, bytes.NewReader([]byte("\x00\x00\x00\x00\x01x"))))
	if errors.Is(err, context.DeadlineExceeded) {
		return "open"
	}
	if errors.Is(err, errElsewhere) {
		return "elsewhere"
	}
	if err != nil {
		return "failed"
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "cut short"
	}
	return fmt.Sprintf("status %d", response.StatusCode)
}

func main() {
	address, callPath, echoPath := os.Args[1], os.Args[2], os.Args[3]
	connections := 0
	transport := &http2.Transport{
		AllowHTTP:          true,
		DisableCompression: true,
		DialTLS: func(network, _ string, _ *tls.Config) (net.Conn, error) {
			if connections++; connections > 1 {
				return nil, errElsewhere
			}
			return net.Dial(network, address)
		},
	}
	answers := json.NewEncoder(os.Stdout)
	reader, writer := io.Pipe()
	var witness *http.Response
	exchange := func() error {
		if witness == nil {
			begun, err := transport.RoundTrip(request(context.Background(), "http://"+address+echoPath, reader))
			if err != nil {
				return err
			}
			witness = begun
		}
		if _, err := writer.Write(message); err != nil {
			return err
		}
		received := make([]byte, len(message))
		if _, err := io.ReadFull(witness.Body, received); err != nil {
			return err
		}
		if !bytes.Equal(received, message) {
			return fmt.Errorf("%q came back", received)
		}
		return nil
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer := map[string]string{"line": lines.Text()}
		switch lines.Text() {
		case "call":
			answer["outcome"] = call(transport, "http://"+address+callPath)
		case "exchange":
			if err := exchange(); err != nil {
				answer["error"] = err.Error()
			}
		}
		answers.Encode(answer)
	}
}
