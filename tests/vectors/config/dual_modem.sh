#!/bin/sh
# The older set-up of a router with two modems.

export OPENWRT_DUAL_MODEM=1

# Modem 1: takes the remote SIM
export MODEM1_SIM_GPIO=6
export MODEM1_RESET_GPIO="4"
export MODEM1_DEVICE=/dev/ttyUSB3

# Modem 2: keeps its own SIM
MODEM2_SIM_GPIO=7 MODEM2_RESET_GPIO=5
MODEM2_DEVICE='/dev/ttyUSB7'
export MODEM2_SIM_GPIO MODEM2_RESET_GPIO MODEM2_DEVICE

MESH=mesh.example.net
export IONMESH_HOST="$MESH"   # where the assignments come from
export IONMESH_PORT=5001
export IONMESH_TENANT_ID=12
export IONMESH_MAPPING_MODE=KI_PROXY_SWSIM
export IONMESH_MCC_MNC=310410

osmo-remsim-client-openwrt \
  -e /etc/remsim/ionmesh-event-script.sh \
  -d DMAIN:DPCU
