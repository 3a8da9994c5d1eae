// One client of a step, over autopaho: what it is told is kept, and can be waited for.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

const wait = 15 * time.Second

type come struct {
	region     string
	plain      bool
	persistent bool
	will       *paho.WillMessage
}

type peer struct {
	id      string
	manager *autopaho.ConnectionManager
	cancel  context.CancelFunc
	context context.Context

	mutex          sync.Mutex
	changed        chan struct{}
	got            []*paho.Publish
	sessionPresent bool
	up             bool
	down           bool
	failed         error
	reason         int
}

func connect(id, address, token string, how come) (*peer, error) {
	if !how.plain {
		address += "/" + id
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{id: id, cancel: cancel, context: ctx, changed: make(chan struct{}), reason: -1}
	config := autopaho.ClientConfig{
		ServerUrls:                    []*url.URL{target},
		KeepAlive:                     30,
		CleanStartOnInitialConnection: !how.persistent,
		ConnectUsername:               "anything",
		ConnectPassword:               []byte(token),
		WillMessage:                   how.will,
		ConnectTimeout:                wait,
		OnConnectionUp: func(_ *autopaho.ConnectionManager, connack *paho.Connack) {
			p.change(func() { p.up, p.sessionPresent = true, connack.SessionPresent })
		},
		// One connection for each peer: it does not come again by itself.
		OnConnectionDown: func() bool {
			p.change(func() { p.down = true })
			return false
		},
		OnConnectError: func(err error) {
			p.change(func() { p.failed = err })
		},
		ClientConfig: paho.ClientConfig{
			ClientID:      id,
			PacketTimeout: wait,
			OnServerDisconnect: func(d *paho.Disconnect) {
				p.change(func() { p.reason = int(d.ReasonCode) })
			},
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){
				func(received paho.PublishReceived) (bool, error) {
					p.change(func() { p.got = append(p.got, received.Packet) })
					return true, nil
				},
			},
		},
	}
	if how.persistent {
		config.SessionExpiryInterval = 3600
	}
	p.manager, err = autopaho.NewConnection(ctx, config)
	if err != nil {
		cancel()
		return nil, err
	}
	if err := p.until("a CONNACK", func() bool { return p.up || p.failed != nil }); err != nil {
		cancel()
		return nil, err
	}
	if !p.up {
		cancel()
		return nil, p.failed
	}
	return p, nil
}

func (p *peer) change(do func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	do()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *peer) until(what string, isSo func() bool) error {
	tooLate := time.After(wait)
	for {
		p.mutex.Lock()
		so, changed := isSo(), p.changed
		p.mutex.Unlock()
		if so {
			return nil
		}
		select {
		case <-changed:
		// Some waits look at a second peer, which does not tell this one.
		case <-time.After(50 * time.Millisecond):
		case <-tooLate:
			return fmt.Errorf("%s waited for %s; %d messages came, closed: %v (%d)", p.id, what, len(p.texts()), p.down, p.reason)
		}
	}
}

func (p *peer) subscribe(filter string, qos byte) error {
	ctx, cancel := context.WithTimeout(p.context, wait)
	defer cancel()
	options := []paho.SubscribeOptions{{Topic: filter, QoS: qos}}
	suback, err := p.manager.Subscribe(ctx, &paho.Subscribe{Subscriptions: options})
	if suback == nil {
		return err
	}
	return same(suback.Reasons, []byte{qos})
}

// Returns when it is acknowledged.
func (p *peer) send(publish *paho.Publish) error {
	ctx, cancel := context.WithTimeout(p.context, wait)
	defer cancel()
	response, err := p.manager.Publish(ctx, publish)
	if err != nil {
		return err
	}
	if response != nil && response.ReasonCode >= 0x80 {
		return fmt.Errorf("refused with %#x", response.ReasonCode)
	}
	return nil
}

func (p *peer) publish(topic string, qos byte, texts ...string) error {
	for _, text := range texts {
		if err := p.send(&paho.Publish{Topic: topic, QoS: qos, Payload: []byte(text)}); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) texts() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	texts := []string{}
	for _, one := range p.got {
		texts = append(texts, string(one.Payload))
	}
	return texts
}

func (p *peer) has(count int) error {
	return p.until(fmt.Sprintf("%d messages", count), func() bool { return len(p.got) >= count })
}

func (p *peer) gets(texts ...string) error {
	if err := p.has(len(texts)); err != nil {
		return err
	}
	return same(p.texts(), texts)
}

func (p *peer) untilText(text string) error {
	return p.until("the message "+text, func() bool {
		for _, one := range p.got {
			if bytes.Equal(one.Payload, []byte(text)) {
				return true
			}
		}
		return false
	})
}

func (p *peer) getsItsOwn(topic string) error {
	return errors.Join(p.subscribe(topic, 1), p.publish(topic, 1, "own"), p.gets("own"))
}

// DISCONNECT.
func (p *peer) leave() error {
	ctx, cancel := context.WithTimeout(p.context, wait)
	defer cancel()
	return p.manager.Disconnect(ctx)
}

// The socket is closed without a DISCONNECT.
func (p *peer) drop() {
	p.manager.TerminateConnectionForTest()
}
