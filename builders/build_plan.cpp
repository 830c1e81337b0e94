// SPDX-License-Identifier: Apache-2.0
#include "builders/build_plan.hpp"
