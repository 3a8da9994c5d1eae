// Takes the course of ../course.ts with Eclipse's paho.golang over WebSockets: the scene is JSON on standard input, each
// step a line of JSON on standard output. Ends with 0 only if every step went well.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/eclipse/paho.golang/paho"
)

const (
	largeBytes       = 1_000_000
	sessionTakenOver = 0x8e
)

type scene struct {
	Run    string            `json:"run"`
	Urls   map[string]string `json:"urls"`
	Tokens map[string]string `json:"tokens"`
	Steps  []string          `json:"steps"`
}

type outcome struct {
	Step   string `json:"step"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// One step's clients and topics.
type stage struct {
	scene *scene
	step  string
	room  string
	peers []*peer
}

func (s *stage) id(member string) string {
	return s.scene.Run + "-" + s.step + "-" + member
}

// A step that cannot go on panics with an error; take() makes its outcome of it.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
}

func same(got, wanted any) error {
	if reflect.DeepEqual(got, wanted) {
		return nil
	}
	return fmt.Errorf("got %v, wanted %v", got, wanted)
}

func (s *stage) come(member string, how come) *peer {
	if how.region == "" {
		how.region = "eu"
	}
	id := s.id(member)
	p, err := connect(id, s.scene.Urls[how.region], s.scene.Tokens[id], how)
	must(err)
	s.peers = append(s.peers, p)
	return p
}

func numbered(letter string, count int) []string {
	texts := []string{}
	for i := range count {
		texts = append(texts, fmt.Sprint(letter, i))
	}
	return texts
}

func atQos(qos byte) func(*stage) {
	return func(s *stage) {
		a := s.come("a", come{})
		must(a.subscribe(s.room+"/x", qos))
		b := s.come("b", come{})
		must(b.publish(s.room+"/x", qos, numbered("m", 3)...))
		must(a.gets(numbered("m", 3)...))
		for _, one := range a.got {
			must(same(one.QoS, qos))
		}
	}
}

func filtered(s *stage, filter string, sent [][2]string, wanted ...string) {
	a := s.come("a", come{})
	must(a.subscribe(filter, 1))
	b := s.come("b", come{})
	for _, one := range sent {
		must(b.publish(one[0], 1, one[1]))
	}
	must(a.untilText("end"), same(a.texts(), wanted))
}

func shared(regionOfB string) func(*stage) {
	return func(s *stage) {
		members := []*peer{s.come("a", come{}), s.come("b", come{region: regionOfB})}
		for _, one := range members {
			must(one.subscribe("$share/g/"+s.room+"/jobs", 1))
			must(one.subscribe(s.room+"/end", 1))
		}
		c := s.come("c", come{})
		must(c.publish(s.room+"/jobs", 1, numbered("j", 20)...))
		must(c.publish(s.room+"/end", 1, "end"))
		for _, one := range members {
			must(one.untilText("end"))
		}
		jobs := func() []string {
			all := append(members[0].texts(), members[1].texts()...)
			return slices.DeleteFunc(all, func(text string) bool { return text == "end" })
		}
		// What the second does not have by now, the first must still get.
		must(members[0].until("twenty jobs", func() bool {
			return len(members[0].got)+len(members[1].texts()) >= 22
		}))
		got, wanted := jobs(), numbered("j", 20)
		slices.Sort(got)
		slices.Sort(wanted)
		must(same(got, wanted))
	}
}

func keeps(s *stage, texts ...string) *peer {
	a := s.come("a", come{})
	for _, text := range texts {
		must(a.send(&paho.Publish{Topic: s.room + "/x", QoS: 1, Retain: true, Payload: []byte(text)}))
	}
	return a
}

func session(s *stage) {
	topic := "devices/" + s.id("a") + "/cmd/x"
	before := s.come("a", come{persistent: true})
	must(before.subscribe("devices/"+s.id("a")+"/cmd/#", 1))
	must(before.leave())
	b := s.come("b", come{})
	must(b.publish(topic, 1, numbered("m", 10)...))
	back := s.come("a", come{persistent: true})
	must(same(back.sessionPresent, true))
	must(back.has(10))
	must(b.publish(topic, 1, "end"))
	must(back.untilText("end"), same(back.texts(), append(numbered("m", 10), "end")))
}

func echo(s *stage) {
	a, b := s.come("a", come{}), s.come("b", come{})
	must(a.subscribe(s.room+"/answers", 1), b.subscribe(s.room+"/ask", 1))
	ask := paho.PublishProperties{
		ResponseTopic:   s.room + "/answers",
		CorrelationData: []byte{0x00, 0x01, 0xfe, 0xff},
		User:            paho.UserProperties{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}, {Key: "ü", Value: "✓"}},
	}
	must(a.send(&paho.Publish{Topic: s.room + "/ask", QoS: 1, Payload: []byte("ping"), Properties: &ask}))
	must(b.gets("ping"))
	asked := b.got[0].Properties
	answer := paho.PublishProperties{CorrelationData: asked.CorrelationData, User: asked.User}
	must(b.send(&paho.Publish{Topic: asked.ResponseTopic, QoS: 1, Payload: []byte("pong"), Properties: &answer}))
	must(a.gets("pong"))
	must(same(a.got[0].Properties.CorrelationData, ask.CorrelationData))
	must(same(a.got[0].Properties.User, ask.User))
}

func large(s *stage) {
	payload := make([]byte, largeBytes)
	for i := range payload {
		payload[i] = byte(7*i + i>>8)
	}
	a, b := s.come("a", come{}), s.come("b", come{region: "us"})
	must(a.subscribe(s.room+"/a", 1), b.subscribe(s.room+"/b", 1))
	must(a.send(&paho.Publish{Topic: s.room + "/b", QoS: 1, Payload: payload}))
	must(b.send(&paho.Publish{Topic: s.room + "/a", QoS: 1, Payload: payload}))
	for _, one := range []*peer{a, b} {
		must(one.has(1))
		if got := one.got[0].Payload; !bytes.Equal(got, payload) {
			must(fmt.Errorf("%d bytes came, and not those that were sent", len(got)))
		}
	}
}

var steps = map[string]func(*stage){
	"connect-named": func(s *stage) {
		must(same(s.come("a", come{}).sessionPresent, false))
	},
	"connect-plain": func(s *stage) {
		a := s.come("a", come{plain: true})
		must(same(a.sessionPresent, false), a.getsItsOwn(s.room+"/x"))
	},
	"qos0":    atQos(0),
	"qos1":    atQos(1),
	"qos2":    atQos(2),
	"session": session,
	"will": func(s *stage) {
		topic := s.room + "/will"
		a := s.come("a", come{will: &paho.WillMessage{Topic: topic, QoS: 1, Payload: []byte("gone")}})
		b := s.come("b", come{})
		must(b.subscribe(topic, 1))
		a.drop()
		must(b.gets("gone"))
	},
	"retained": func(s *stage) {
		keeps(s, "kept")
		b := s.come("b", come{})
		must(b.subscribe(s.room+"/#", 1))
		must(b.gets("kept"))
		must(same(b.got[0].Retain, true))
	},
	"retained-clear": func(s *stage) {
		a := keeps(s, "kept", "")
		b := s.come("b", come{})
		must(b.subscribe(s.room+"/#", 1))
		must(a.publish(s.room+"/end", 1, "end"))
		must(b.gets("end"))
	},
	"filter-hash": func(s *stage) {
		other := "rooms/" + s.scene.Run + "-other/x"
		sent := [][2]string{{s.room, "0"}, {s.room + "/k/x", "1"}, {other, "2"}, {s.room + "/z", "end"}}
		filtered(s, s.room+"/#", sent, "0", "1", "end")
	},
	"filter-plus": func(s *stage) {
		sent := [][2]string{{s.room + "/1/x", "0"}, {s.room + "/1/y", "1"}, {s.room + "/1/2/x", "2"}, {s.room + "/2/x", "end"}}
		filtered(s, s.room+"/+/x", sent, "0", "end")
	},
	"filter-wide": func(s *stage) {
		last := "/wide-" + s.scene.Run
		a := s.come("a", come{})
		must(a.subscribe("rooms/+"+last, 1))
		b := s.come("b", come{})
		must(b.publish(s.room+"-0"+last, 1, "0"), b.publish(s.room+"-1"+last, 1, "1"))
		must(a.has(2))
		got := a.texts()
		slices.Sort(got)
		must(same(got, []string{"0", "1"}))
	},
	"shared":         shared("eu"),
	"shared-regions": shared("us"),
	"echo":           echo,
	"large":          large,
	"takeover": func(s *stage) {
		first := s.come("a", come{})
		second := s.come("a", come{})
		must(first.until("its end", func() bool { return first.down }))
		must(same(first.reason, sessionTakenOver), second.getsItsOwn(s.room+"/x"))
	},
	"regions": func(s *stage) {
		a := s.come("a", come{region: "us"})
		must(a.subscribe(s.room+"/x", 1))
		b := s.come("b", come{})
		must(b.publish(s.room+"/x", 1, numbered("m", 10)...))
		must(a.gets(numbered("m", 10)...))
	},
}

func take(all *scene, step string) (result outcome) {
	s := &stage{scene: all, step: step, room: "rooms/" + all.Run + "-" + step}
	defer func() {
		if reason := recover(); reason != nil {
			result = outcome{step, false, fmt.Sprint(reason)}
		}
		for _, one := range s.peers {
			_ = one.leave()
			one.cancel()
		}
	}()
	steps[step](s)
	return outcome{step, true, ""}
}

func main() {
	var all scene
	must(json.NewDecoder(os.Stdin).Decode(&all))
	code := 0
	out := json.NewEncoder(os.Stdout)
	for _, step := range all.Steps {
		result := take(&all, step)
		must(out.Encode(result))
		if !result.Ok {
			code = 1
		}
	}
	os.Exit(code)
}
