#!/bin/sh
# First process of the machine: the host's root becomes its own, read-only; vcan0 and lo are up; one
# script runs in it, named on the kernel's command line; then the power goes off.
/bin/busybox mkdir -p /proc /sys /dev /mnt /bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /mnt
for folder in proc sys dev; do mount --bind "/$folder" "/mnt/$folder"; done
mkdir -p /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts /mnt/dev/pts
rm -f /dev/ptmx && ln -s pts/ptmx /dev/ptmx
for folder in /mnt/run /mnt/dev/shm; do mount -t tmpfs tmpfs "$folder"; done
run=$(sed 's/.*mp_run=\([^ ]*\).*/\1/' /proc/cmdline)
echo 'MILEPOST-VM BEGIN'
chroot /mnt /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  HOME=/run TMPDIR=/run LANG=C.UTF-8 /bin/sh -c '
    ip link set lo up
    ip link add dev vcan0 type vcan && ip link set vcan0 mtu 72 up
    . "$0"' "$run"
echo "MILEPOST-VM EXIT $?"
poweroff -f
