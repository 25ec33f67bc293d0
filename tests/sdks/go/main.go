// Sends events by one of the Go SDKs, and returns when the SDK has let go of all of them:
//
//	sdks SDK HOST KEY PREFIX COUNT
//
// Message ids come on standard input, one a line.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	rudder "github.com/rudderlabs/analytics-go/v4"
	segment "github.com/segmentio/analytics-go/v3"
)

func main() {
	if len(os.Args) != 6 {
		fail(fmt.Errorf("usage: sdks SDK HOST KEY PREFIX COUNT < IDS"))
	}
	sdk, host, key, prefix := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	count, err := strconv.Atoi(os.Args[5])
	fail(err)
	ids := bufio.NewScanner(os.Stdin)
	// a client that is closed gives up what failed once: every event's fate is waited for
	fates := make(fates, count)
	send, done := client(sdk, host, key, fates)
	for number := 0; number < count && ids.Scan(); number++ {
		fail(send(ids.Text(), fmt.Sprintf("%s %d", prefix, number)))
	}
	for number := 0; number < count; number++ {
		<-fates
	}
	fail(done())
}

// fates gets one entry for each event that was delivered or given up.
type fates chan error

type segmentFates struct{ fates }

func (to segmentFates) Success(segment.Message)            { to.fates <- nil }
func (to segmentFates) Failure(_ segment.Message, e error) { to.fates <- e }

type rudderFates struct{ fates }

func (to rudderFates) Success(rudder.Message)            { to.fates <- nil }
func (to rudderFates) Failure(_ rudder.Message, e error) { to.fates <- e }

// soon is how long the SDKs wait before they try again: here, not the tenth of a second to ten.
func soon(int) time.Duration { return 50 * time.Millisecond }

// client gives the SDK's way to send one event, and to close it.
func client(sdk, host, key string, to fates) (func(id, name string) error, func() error) {
	switch sdk {
	case "segment":
		one, err := segment.NewWithConfig(key, segment.Config{
			Endpoint: host, BatchSize: 50, Interval: 500 * time.Millisecond,
			Callback: segmentFates{to}, RetryAfter: soon,
		})
		fail(err)
		return func(id, name string) error {
			return one.Enqueue(segment.Track{MessageId: id, UserId: "u1", Event: name})
		}, one.Close
	case "rudder":
		one, err := rudder.NewWithConfig(key, rudder.Config{
			DataPlaneUrl: host, BatchSize: 50, Interval: 500 * time.Millisecond,
			Callback: rudderFates{to}, RetryAfter: soon,
		})
		fail(err)
		return func(id, name string) error {
			return one.Enqueue(rudder.Track{MessageId: id, UserId: "u1", Event: name})
		}, one.Close
	}
	fail(fmt.Errorf("no SDK %q: segment or rudder", sdk))
	return nil, nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
