"""What a write does: conversion, defaulting, validation, admission, patches, deletion, and what may not change."""
