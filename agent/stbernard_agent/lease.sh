#!/bin/busybox sh
# Called by udhcpc with what the DHCP server said (RFC 2132 options by udhcpc's names).
# A lost lease changes nothing: a person at work keeps the address until the server gives another.
case $1 in bound | renew) ;; *) exit 0 ;; esac
ip() { busybox ip "$@"; }

if ! ip -4 addr show dev "$interface" | busybox grep -q "inet $ip/"; then
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
fi
[ -n "$mtu" ] && ip link set dev "$interface" mtu "$mtu"

# RFC 3442: a server that gives classless routes means them instead of the router.
if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
        [ "$2" = 0.0.0.0 ] || via="via $2"
        ip route replace "$1" $via dev "$interface" metric "$METRIC"
        via=
        shift 2
    done
elif [ -n "$router" ]; then
    ip route replace default via "${router%% *}" dev "$interface" metric "$METRIC"
fi

resolver=$RUN/resolv-$interface.conf
: >"$resolver"
[ -n "$domain" ] && echo "search $domain" >>"$resolver"
for server in $dns; do echo "nameserver $server" >>"$resolver"; done
# Ours puts them together with what else it knows.
[ -z "$RESOLV_CONF" ] || busybox cat "$RUN"/resolv-*.conf >"$RESOLV_CONF"

# Now that all is in place: the agent reads both files, woken by the notice of a changed address.
echo "$ip" >"$RUN/lease-$interface"
ip addr replace "$ip/${mask:-24}" dev "$interface"
