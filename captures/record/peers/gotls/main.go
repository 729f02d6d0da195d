// gotls: a TLS echo server and a client on Go's crypto/tls, for Encrypted Client Hello and hybrid key exchange.
//
//	gotls keys DIR                      an ECH key pair twice: DIR/{new,stale}.{config,key}; public name front.example.net
//	gotls server ADDR -cert -key [-ech DIR] [-groups A,B]
//	gotls client ADDR -name N -ca F -keylog F -message M [-ech FILE.config] [-retry] [-groups A,B]
package main

import (
	"bufio"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var groups = map[string]tls.CurveID{
	"X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384, "X25519MLKEM768": tls.X25519MLKEM768,
	"SecP256r1MLKEM768": 4587, "SecP384r1MLKEM1024": 4589,
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func u16(b []byte, n int) []byte { return binary.BigEndian.AppendUint16(b, uint16(n)) }

// echConfig builds one ECHConfig (RFC 9849): DHKEM(X25519), HKDF-SHA256, AES-128-GCM.
func echConfig(id byte, pub []byte, name string) []byte {
	c := []byte{id}
	c = u16(c, 0x0020)
	c = append(u16(c, len(pub)), pub...)
	c = u16(c, 4)
	c = u16(u16(c, 1), 1)
	c = append(c, 32, byte(len(name)))
	c = append(c, name...)
	c = u16(c, 0)
	return append(u16(u16(nil, 0xfe0d), len(c)), c...)
}

func keys(dir string) {
	for i, n := range []string{"new", "stale"} {
		k, err := ecdh.X25519().GenerateKey(rand.Reader)
		must(err)
		c := echConfig(byte(40+i), k.PublicKey().Bytes(), "front.example.net")
		must(os.WriteFile(filepath.Join(dir, n+".config"), append(u16(nil, len(c)), c...), 0o644))
		must(os.WriteFile(filepath.Join(dir, n+".key"), k.Bytes(), 0o600))
	}
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "gotls keys|server|client ...")
		os.Exit(2)
	}
	role, addr := os.Args[1], os.Args[2]
	f := flag.NewFlagSet(role, flag.ExitOnError)
	cert, key := f.String("cert", "", ""), f.String("key", "", "")
	ech, gs := f.String("ech", "", ""), f.String("groups", "", "")
	name, ca, keylog, message := f.String("name", "chat.example.net", ""), f.String("ca", "", ""), f.String("keylog", "", ""), f.String("message", "", "")
	retry := f.Bool("retry", false, "after a rejected ECH, connect again with the configuration the server sent")
	f.Parse(os.Args[3:])
	cfg := &tls.Config{MinVersion: tls.VersionTLS13}
	for _, g := range strings.Split(*gs, ",") {
		if g != "" {
			cfg.CurvePreferences = append(cfg.CurvePreferences, groups[g])
		}
	}
	switch role {
	case "keys":
		keys(addr)
	case "server":
		for _, p := range strings.Split(*cert, ",") {
			c, err := tls.LoadX509KeyPair(p+".chain", p+".key")
			must(err)
			cfg.Certificates = append(cfg.Certificates, c)
		}
		if *ech != "" {
			list, err := os.ReadFile(filepath.Join(*ech, "new.config"))
			must(err)
			k, err := os.ReadFile(filepath.Join(*ech, "new.key"))
			must(err)
			cfg.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: list[2:], PrivateKey: k, SendAsRetry: true}}
		}
		_ = key
		l, err := net.Listen("tcp", addr)
		must(err)
		for {
			c, err := l.Accept()
			must(err)
			go func() {
				t := tls.Server(c, cfg)
				defer t.Close()
				if err := t.Handshake(); err != nil {
					fmt.Println("handshake:", err)
					return
				}
				fmt.Printf("name %q, ECH accepted %v\n", t.ConnectionState().ServerName, t.ConnectionState().ECHAccepted)
				s := bufio.NewScanner(t)
				for s.Scan() {
					line := s.Text()
					fmt.Println("read:", line)
					if strings.HasPrefix(line, "GET ") || strings.HasPrefix(line, "POST ") {
						for s.Scan() && strings.TrimSpace(s.Text()) != "" {
						}
						io.WriteString(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
						continue
					}
					io.WriteString(t, "noted\n")
				}
			}()
		}
	case "client":
		pem, err := os.ReadFile(*ca)
		must(err)
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM(pem)
		cfg.ServerName = *name
		w, err := os.OpenFile(*keylog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		must(err)
		cfg.KeyLogWriter = w
		if *ech != "" {
			cfg.EncryptedClientHelloConfigList, err = os.ReadFile(*ech)
			must(err)
		}
		t, err := tls.Dial("tcp", addr, cfg)
		var rej *tls.ECHRejectionError
		if errors.As(err, &rej) && *retry {
			fmt.Println("ECH rejected; the server sent", len(rej.RetryConfigList), "bytes of new configuration")
			time.Sleep(200 * time.Millisecond)
			cfg.EncryptedClientHelloConfigList = rej.RetryConfigList
			t, err = tls.Dial("tcp", addr, cfg)
		}
		must(err)
		time.Sleep(200 * time.Millisecond)
		fmt.Fprintln(t, *message)
		r, err := bufio.NewReader(t).ReadString('\n')
		fmt.Printf("%s group %v, ECH accepted %v, answer %q %v\n", tls.CipherSuiteName(t.ConnectionState().CipherSuite), t.ConnectionState().CurveID, t.ConnectionState().ECHAccepted, r, err)
		time.Sleep(200 * time.Millisecond)
		t.Close()
	}
}
