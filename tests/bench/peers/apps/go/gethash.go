// The same endpoint on Go's net/http and golang.org/x/crypto/bcrypt.
package main

import (
	"encoding/hex"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const settingLength = 29 // $2a$, the cost, $, and 22 characters of salt

type reply struct {
	Salt string `json:"salt"`
	Hash string `json:"hash"`
}

func handler(cost int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		password := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/gethash/"), "/")
		hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
		if err != nil {
			http.Error(w, "no hash", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(reply{hex.EncodeToString(hash[:settingLength]), hex.EncodeToString(hash)})
	}
}

func main() {
	cost, err := strconv.Atoi(os.Getenv("COST"))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(os.Args[1], 0o666); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/gethash/", handler(cost))
	log.Fatal(http.Serve(listener, nil))
}
