// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva.hpp"
