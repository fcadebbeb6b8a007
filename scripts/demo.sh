#!/bin/sh
# From nothing to a certificate, with tic's own commands: CA, vault, credential, stack. `make demo` calls it.
# Everything that it makes is in .demo; a second run finds it there and only brings the stack up to date.
set -eu
cd "$(dirname "$0")/.."

checkout=$PWD
export TIC_HOME="$checkout/.demo/home"
PATH="$checkout/.venv/bin:$PATH"
site="$checkout/.demo/site"
domains='["example.test","*.example.test"]'

step() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n$ %s\n' "$*"; }
quoted() { for word; do case $word in *[!A-Za-z0-9_./=:-]*) printf "'%s' " "$word" ;; *) printf '%s ' "$word" ;; esac; done; }
run() { step "$(quoted "$@")"; "$@"; }

run tic engine install
tic vault status >/dev/null 2>&1 || run tic vault init
run tic sandbox up
tic stack show site/site >/dev/null 2>&1 ||
  run tic stack new site --template certificate --dir "$site" \
    --set "domains=$domains" --set directory=sandbox --set "deployDirectory=$site/deployed"
cd "$site"
run tic stack up site
step "the certificate in $site/deployed"
python "$checkout/scripts/show_certificate.py" "$site/deployed/fullchain.pem"

cat <<NEXT

What to type next (in this shell):
  export TIC_HOME=$TIC_HOME PATH=$checkout/.venv/bin:\$PATH
  cd $site
  tic stack outputs        what the stack gives, secrets left out
  tic stack history        what has happened to it
  tic creds list           the credential that it is bound to
  tic stack destroy        delete it; the credential is free afterwards
  tic sandbox down         end the CA
NEXT
