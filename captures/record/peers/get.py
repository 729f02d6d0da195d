"""A client with Chrome's TLS (curl_cffi: libcurl with BoringSSL): get.py URL CAFILE [BODY]"""
import sys
from curl_cffi import requests
r = requests.request("POST" if len(sys.argv) > 3 else "GET", sys.argv[1], impersonate="chrome", verify=sys.argv[2],
                     **({"json": {"text": sys.argv[3]}} if len(sys.argv) > 3 else {}), timeout=8)
print(r.status_code, r.text)
