// liblzma, from XZ Utils.
#pragma once

#include <lzma.h>
