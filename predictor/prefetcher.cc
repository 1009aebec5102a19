#include "predictor/prefetcher.h"
