#include "fs/options.h"
