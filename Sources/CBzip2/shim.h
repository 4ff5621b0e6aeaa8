// libbzip2. Debian has no pkg-config file for it.
#pragma once

// The header declares functions on FILE without including its declaration.
#include <stdio.h>

#include <bzlib.h>
