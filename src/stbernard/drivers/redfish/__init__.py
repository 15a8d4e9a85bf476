"""Servers whose BMC speaks Redfish (DMTF DSP0266), through the sushy library."""
