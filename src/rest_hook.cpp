// SPDX-License-Identifier: BSL-1.0
#include <tidings/rest_hook/impl/client.ipp>
#include <tidings/rest_hook/impl/client_state.ipp>
#include <tidings/rest_hook/impl/hook_list.ipp>
#include <tidings/rest_hook/impl/hook_record.ipp>
#include <tidings/rest_hook/impl/manager.ipp>
#include <tidings/rest_hook/impl/manager_state.ipp>
#include <tidings/rest_hook/impl/table_request.ipp>
