# Shown live rather than from /etc/motd: disks may have come or gone since the boot.
[ "$USER" = rescue ] && [ -t 1 ] && stbernard-greeting
