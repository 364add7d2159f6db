// Drives NATS JetStream with its own Go client where `nats bench` measures no latency from when a message was due:
// at a fixed rate, and one message at a time. Answers with one line of JSON.
// nats-driver rate|one -url URL -rate N -size N -warm SECONDS -seconds SECONDS
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stream      = "bench-latency"
	subject     = "bench-latency.s"
	mostFlying  = 4096
	answerLimit = 10 * time.Second
	// A rate that is not held is given up when it lags so far behind.
	mostLate = 2 * time.Second
)

type answer struct {
	Records int                `json:"records"`
	Counted int                `json:"counted"`
	Failed  int                `json:"failed"`
	Seconds float64            `json:"seconds"`
	Latency map[string]float64 `json:"latency"`
}

func main() {
	if len(os.Args) < 2 {
		check(fmt.Errorf("expected rate or one"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	url := flags.String("url", "", "")
	rate, size := flags.Int("rate", 10000, ""), flags.Int("size", 100, "")
	warm, seconds := flags.Float64("warm", 1, ""), flags.Float64("seconds", 2, "")
	check(flags.Parse(os.Args[2:]))
	connection, err := nats.Connect(*url, nats.Timeout(answerLimit), nats.ReconnectBufSize(-1))
	check(err)
	js, err := jetstream.New(connection)
	check(err)
	ctx := context.Background()
	_ = js.DeleteStream(ctx, stream)
	config := jetstream.StreamConfig{Name: stream, Subjects: []string{subject}, Storage: jetstream.FileStorage, Replicas: 1}
	_, err = js.CreateStream(ctx, config)
	check(err)
	payload := make([]byte, *size)
	_, err = rand.Read(payload)
	check(err)
	var found answer
	switch os.Args[1] {
	case "rate":
		found = fixedRate(connection, payload, *rate, *warm, *seconds)
	case "one":
		found = oneAtATime(js, *url, payload, *warm, *seconds)
	default:
		check(fmt.Errorf("there is no %s; expected rate or one", os.Args[1]))
	}
	check(js.DeleteStream(ctx, stream))
	check(json.NewEncoder(os.Stdout).Encode(found))
}

// Messages are due in steps of 1 ms. When mostFlying are not acknowledged it waits: their lateness counts.
func fixedRate(connection *nats.Conn, payload []byte, rate int, warm, seconds float64) answer {
	runtime.LockOSThread()
	perStep := rate / 1000
	warmCount := int(warm*1000) * perStep
	total := warmCount + int(seconds*1000)*perStep
	acknowledged := make([]int64, total)
	due := make([]int64, total)
	flying := make(chan struct{}, mostFlying)
	var got, failed atomic.Int64
	base := time.Now()
	inbox := nats.NewInbox()
	_, err := connection.Subscribe(inbox+".*", func(message *nats.Msg) {
		now := int64(time.Since(base))
		index, err := strconv.Atoi(message.Subject[len(inbox)+1:])
		if err != nil || bytes.Contains(message.Data, []byte(`"error"`)) || len(message.Header) > 0 {
			failed.Add(1)
		} else {
			atomic.StoreInt64(&acknowledged[index], now)
		}
		got.Add(1)
		<-flying
	})
	check(err)
	check(connection.Flush())
	start := time.Now()
	giveUp := start.Add(time.Duration((warm+seconds)*float64(time.Second)) + mostLate)
	sent := 0
	for sent < total && time.Now().Before(giveUp) {
		dueAt := start.Add(time.Duration(sent/perStep) * time.Millisecond)
		if wait := time.Until(dueAt); wait > 0 {
			nap(wait)
			continue
		}
		for n := 0; n < perStep; n++ {
			flying <- struct{}{}
			due[sent] = int64(dueAt.Sub(base))
			check(connection.PublishRequest(subject, inbox+"."+strconv.Itoa(sent), payload))
			sent++
		}
	}
	for end := time.Now().Add(answerLimit); got.Load() < int64(sent) && time.Now().Before(end); {
		nap(time.Millisecond)
	}
	took := time.Since(start).Seconds()
	var latencies []int64
	for index := warmCount; index < sent; index++ {
		if at := atomic.LoadInt64(&acknowledged[index]); at > 0 {
			latencies = append(latencies, at-due[index])
		}
	}
	if len(latencies) == 0 {
		check(fmt.Errorf("%d/s was not held: only %d messages in %.1f s, fewer than the warm-up has", rate, sent, took))
	}
	return answer{sent, len(latencies), int(failed.Load()) + sent - int(got.Load()), took, percentiles(latencies)}
}

// The next is published when the last was delivered to a consumer on a connection of its own.
func oneAtATime(js jetstream.JetStream, url string, payload []byte, warm, seconds float64) answer {
	ctx := context.Background()
	reading, err := nats.Connect(url, nats.Timeout(answerLimit))
	check(err)
	readingStream, err := jetstream.New(reading)
	check(err)
	consumer, err := readingStream.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	check(err)
	delivered := make(chan time.Time, 1)
	consuming, err := consumer.Consume(func(jetstream.Msg) { delivered <- time.Now() })
	check(err)
	defer consuming.Stop()
	var latencies []int64
	count := 0
	begin := time.Now()
	warmFor := time.Duration(warm * float64(time.Second))
	whole := warmFor + time.Duration(seconds*float64(time.Second))
	for {
		sentAt := time.Now()
		if sentAt.Sub(begin) >= whole {
			break
		}
		_, err := js.PublishAsync(subject, payload)
		check(err)
		select {
		case at := <-delivered:
			count++
			if sentAt.Sub(begin) >= warmFor {
				latencies = append(latencies, int64(at.Sub(sentAt)))
			}
		case <-time.After(answerLimit):
			check(fmt.Errorf("message %d was not delivered", count))
		}
	}
	<-js.PublishAsyncComplete()
	return answer{count, len(latencies), 0, seconds, percentiles(latencies)}
}

func percentiles(latencies []int64) map[string]float64 {
	if len(latencies) == 0 {
		check(fmt.Errorf("nothing was acknowledged"))
	}
	sort.Slice(latencies, func(one, other int) bool { return latencies[one] < latencies[other] })
	sum := 0.0
	for _, latency := range latencies {
		sum += float64(latency)
	}
	found := map[string]float64{"count": float64(len(latencies)), "meanMs": sum / float64(len(latencies)) / 1e6}
	for name, share := range map[string]float64{"p50Ms": .5, "p90Ms": .9, "p95Ms": .95, "p99Ms": .99, "p999Ms": .999, "p9999Ms": .9999, "maxMs": 1} {
		at := min(len(latencies)-1, int(float64(len(latencies))*share))
		found[name] = float64(latencies[at]) / 1e6
	}
	return found
}

func nap(duration time.Duration) {
	span := syscall.NsecToTimespec(int64(duration))
	_ = syscall.Nanosleep(&span, nil)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
