// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/portal/portal_script_api.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_chart.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_dom.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_form.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_hook.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_list.hpp>
#include <tidings/rest_hook/impl/portal/portal_script_main.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace tidings::rest_hook::detail {

/// The modules of the page by their names.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 7> portal_scripts{
    {{"/api.js", portal_script_api},
     {"/chart.js", portal_script_chart},
     {"/dom.js", portal_script_dom},
     {"/form.js", portal_script_form},
     {"/hook.js", portal_script_hook},
     {"/list.js", portal_script_list},
     {"/main.js", portal_script_main}}};

}  // namespace tidings::rest_hook::detail
