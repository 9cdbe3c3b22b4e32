#Requires -Version 5.1
#Requires -RunAsAdministrator

<#
.SYNOPSIS
Takes away what Install-HciRegistrationNode.ps1 made on this node, and nothing else.

.DESCRIPTION
OpenSSH Server, its start type, the firewall rule, the account and its membership, the keys, the block of sshd_config, the script
and the event source go only where the installer made them. What the operations recorded about registration certificates
(HKLM:\SOFTWARE\HciRegistration, public certificates only) stays: a later installation needs it. The node stays registered.

.EXAMPLE
.\Uninstall-HciRegistrationNode.ps1 -WhatIf
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
param()

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$languageMode = "$($ExecutionContext.SessionState.LanguageMode)"
if ($languageMode -ne 'FullLanguage') {
    throw "Application control lets unsigned scripts run in $languageMode only, and this one needs FullLanguage. Sign the scripts of deploy/nodes with a certificate that this node's policy trusts (docs/nodes.md), then run it again. Nothing was changed."
}

$installKey = 'HKLM:\SOFTWARE\HciRegistration\Install'
$blockBegin = '# BEGIN HciRegistration'
$blockEnd = '# END HciRegistration'

if (-not (Test-Path -Path $installKey)) {
    Write-Output -InputObject 'Nothing is installed here.'
    exit 0
}
$made = Get-ItemProperty -Path $installKey

# A step that is done is forgotten, so that one that fails can be repeated alone.
function Clear-Made {
    param($Names)
    foreach ($name in $Names) {
        Remove-ItemProperty -Path $installKey -Name $name -ErrorAction SilentlyContinue
    }
}

function Remove-Block {
    $inside = $false
    $lines = @(
        foreach ($line in @(Get-Content -Path $made.Configuration)) {
            if ($line -eq $blockBegin) {
                $inside = $true
            }
            if (-not $inside) {
                $line
            }
            if ($line -eq $blockEnd) {
                $inside = $false
            }
        }
    )
    Set-Content -Path $made.Configuration -Value $lines -Encoding Default
    if ("$((Get-Service -Name sshd).Status)" -eq 'Running') {
        Restart-Service -Name sshd
    }
}

# The keys go first: from here on nobody logs on with them, however far this comes.
if ($null -ne $made.KeyFile -and $PSCmdlet.ShouldProcess($made.KeyFile, 'Remove the keys')) {
    if (Test-Path -Path $made.KeyFile) {
        Remove-Item -Path $made.KeyFile -Force
    }
    Clear-Made -Names @('KeyFile')
}
if ($null -ne $made.Configuration -and $PSCmdlet.ShouldProcess($made.Configuration, 'Remove the forced command')) {
    if (Test-Path -Path $made.Configuration) {
        Remove-Block
    }
    Clear-Made -Names @('Configuration')
}
if ($null -ne $made.Administrator -and $PSCmdlet.ShouldProcess($made.Administrator, 'Remove from the local administrators')) {
    Remove-LocalGroupMember -SID 'S-1-5-32-544' -Member $made.Administrator -ErrorAction SilentlyContinue
    Clear-Made -Names @('Administrator')
}
if ($null -ne $made.UserName -and $PSCmdlet.ShouldProcess($made.UserName, 'Remove the local account')) {
    Remove-LocalUser -Name $made.UserName -ErrorAction SilentlyContinue
    Clear-Made -Names @('UserName')
}
if ($null -ne $made.Script -and $PSCmdlet.ShouldProcess($made.Script, 'Remove the script')) {
    $folder = Split-Path -Path $made.Script -Parent
    if (Test-Path -Path $made.Script) {
        Remove-Item -Path $made.Script -Force
    }
    if ((Test-Path -Path $folder) -and @(Get-ChildItem -Path $folder -Force).Count -eq 0) {
        Remove-Item -Path $folder -Force
    }
    Clear-Made -Names @('Script')
}
if ($null -ne $made.EventSource -and $PSCmdlet.ShouldProcess($made.EventSource, 'Remove the event source')) {
    Remove-EventLog -Source $made.EventSource -ErrorAction SilentlyContinue
    Clear-Made -Names @('EventSource')
}
if ($null -ne $made.FirewallRule -and $PSCmdlet.ShouldProcess($made.FirewallRule, 'Remove the firewall rule')) {
    Remove-NetFirewallRule -Name $made.FirewallRule -ErrorAction SilentlyContinue
    Clear-Made -Names @('FirewallRule')
}
if ($null -ne $made.Capability -and $PSCmdlet.ShouldProcess($made.Capability, 'Remove OpenSSH Server')) {
    $null = Remove-WindowsCapability -Online -Name $made.Capability
    Clear-Made -Names @('Capability', 'StartType')
}
elseif ($null -ne $made.StartType -and $PSCmdlet.ShouldProcess('sshd', "Set its start type back to $($made.StartType)")) {
    Set-Service -Name sshd -StartupType $made.StartType
    if ($made.StartType -eq 'Disabled') {
        Stop-Service -Name sshd
    }
    Clear-Made -Names @('StartType')
}

$left = @((Get-Item -Path $installKey).Property)
if ($left.Count -eq 0) {
    Remove-Item -Path $installKey -Force
    Write-Output -InputObject 'Everything that was installed is removed.'
}
else {
    Write-Output -InputObject "Still installed: $($left -join ', ')."
}
