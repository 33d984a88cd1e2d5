// SPDX-License-Identifier: BSL-1.0
#include <tidings/inlet/impl/checkpoint_window.ipp>
#include <tidings/inlet/impl/client_url.ipp>
#include <tidings/inlet/impl/handover.ipp>
#include <tidings/inlet/impl/recent_ids.ipp>
#include <tidings/inlet/impl/reconnector.ipp>
