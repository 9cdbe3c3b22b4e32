# ArcRegistrationTask, on every node of the cluster as SYSTEM: onboards this node while the cluster's Arc integration is enabled.
# Microsoft's own also synchronises. This one does not: any node of the cluster may just have booted, and would lose its Arc resource.
# The controller synchronises when all have been up for a while, and the cluster itself every 12 hours.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$ConfirmPreference = 'None'

# This node's status. The cluster's list does not have a node that has just joined.
function Get-OwnStatus {
    param($Arc)
    $statuses = @($Arc.NodesArcStatus.Values)
    $index = 0
    foreach ($name in @($Arc.NodesArcStatus.Keys)) {
        if ($name -eq $env:COMPUTERNAME) {
            return "$($statuses[$index])"
        }
        $index += 1
    }
    return ''
}

# The agent is gone, or was told to forget its resource. The cluster counts such a node as enabled all the same.
function Test-AgentForgotten {
    if (-not (Test-Path -Path $agentPath)) {
        return $true
    }
    $ErrorActionPreference = 'Continue'
    return ((@(& $agentPath 'show' '-j') -join ' ') -match '"resourceName":\s*""')
}

$agentPath = 'C:\Program Files\AzureConnectedMachineAgent\azcmagent.exe'
$arc = Get-AzureStackHCIArcIntegration
if ("$($arc.ClusterArcStatus)" -ne 'Enabled') {
    exit 0
}
if ((Get-OwnStatus -Arc $arc) -eq 'Enabled' -and -not (Test-AgentForgotten)) {
    exit 0
}
$directory = 'C:\Windows\Tasks\ArcForServers'
if (-not (Test-Path -Path $directory)) {
    $null = New-Item -Path $directory -ItemType Directory
}
$log = "$directory\RegisterArc_$(Get-Date -Format 'yyyyMMdd').log"
$parameters = @{
    AgentInstallerWebLink = 'https://aka.ms/AzureConnectedMachineAgent'
    AgentInstallerName    = "$directory\AzureConnectedMachineAgent.msi"
    AgentInstallerLogFile = "$directory\ConnectedMachineAgentInstallationLog.txt"
    AgentExecutablePath   = $agentPath
}
# New role assignments and secrets take minutes until they hold everywhere.
foreach ($try in 1..30) {
    try {
        # The cmdlet ends well when the agent fails, and only prints that.
        $output = @(Enable-AzureStackHCIArcIntegration @parameters *>&1) -join "`n"
    }
    catch {
        $output = "$($_.Exception.Message)"
    }
    $status = Get-OwnStatus -Arc (Get-AzureStackHCIArcIntegration)
    Add-Content -Path $log -Value "$(Get-Date -Format 's') try ${try}: status $status $output"
    if ($status -eq 'Enabled' -and -not (Test-AgentForgotten)) {
        exit 0
    }
    Start-Sleep -Seconds 20
}
exit 1
